"""The values of a shop's own fields, by the kind the shop said they have. Pure.

A value is kept as JSON: text, number, `2026-05-31`, one of the choices, a list of texts, true or false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from crm.errors import Problem, Problems

KINDS: Final = ("text", "number", "date", "choice", "list", "boolean")
MOST_CHOICES: Final = 200
MOST_ITEMS: Final = 100
NUMBER: Final = re.compile(r"-?[0-9]{1,15}([.,][0-9]{1,6})?")
# What people write in a file for yes and no, in the languages of the house.
YES: Final = frozenset({"true", "yes", "y", "1", "sí", "si", "да", "on"})
NO: Final = frozenset({"false", "no", "n", "0", "нет", "off"})


@dataclass(frozen=True)
class Definition:
    """What a field may hold. `choices` binds a choice, and a list where it has some."""

    key: str
    label: str
    kind: str
    choices: tuple[str, ...] = ()


Known = Mapping[str, Definition]
NOTHING: Final[Known] = MappingProxyType({})


def checked(given: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The fields with each defined one in its kind; others stay as they are. Raises Problems, one a field."""
    found, problems = {}, []
    for name, one in given.items():
        try:
            found[name] = value(known[name], one) if name in known else one
        except Problem as problem:
            problems.append(problem.under(f"/{name}"))
    if problems:
        raise Problems(problems)
    return found


def value(definition: Definition, given: Any) -> Any:
    """As it is kept; None where it is empty. Raises Problem with what would be right."""
    if given is None or (isinstance(given, str) and not given.strip()) or given == []:
        return None
    return _READERS[definition.kind](definition, given)


def _text(definition: Definition, given: Any) -> str:
    if isinstance(given, str):
        return given.strip()
    if isinstance(given, bool | list | dict):
        raise Problem("", "not_text", f"{definition.label} is text.")
    return str(given)


def _number(definition: Definition, given: Any) -> int | float:
    if isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        return given
    text = given.strip().replace("\u00a0", "").replace(" ", "") if isinstance(given, str) else ""
    if not NUMBER.fullmatch(text):
        raise Problem("", "not_a_number", f"{definition.label} is a number, as in 39 or 39.5.")
    return float(text.replace(",", ".")) if "." in text or "," in text else int(text)


def _date(definition: Definition, given: Any) -> str:
    try:
        return date.fromisoformat(str(given).strip()[:10]).isoformat()
    except ValueError:
        raise Problem("", "not_a_date", f"{definition.label} is a date, as in 2026-05-31.") from None


def _choice(definition: Definition, given: Any) -> str:
    found = {each.lower(): each for each in definition.choices}.get(str(given).strip().lower())
    if found is None or isinstance(given, bool | list | dict):
        raise Problem("", "not_a_choice", f"{definition.label} is one of: {', '.join(definition.choices)}.")
    return found


def _list(definition: Definition, given: Any) -> list[str] | None:
    items: Sequence[Any] = given if isinstance(given, list) else str(given).split(",")
    texts = [str(each).strip() for each in items if str(each).strip()]
    if isinstance(given, bool | dict) or any(isinstance(each, bool | list | dict) for each in items):
        raise Problem("", "not_a_list", f"{definition.label} is a list of texts.")
    if len(texts) > MOST_ITEMS:
        raise Problem("", "too_many", f"{definition.label} holds at most {MOST_ITEMS} things.")
    if definition.choices:
        texts = [_choice(definition, each) for each in texts]
    return list(dict.fromkeys(texts)) or None


def _boolean(definition: Definition, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word not in YES | NO:
        raise Problem("", "not_a_boolean", f"{definition.label} is yes or no.")
    return word in YES


_READERS: Final[Mapping[str, Callable[[Definition, Any], Any]]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "choice": _choice,
    "list": _list,
    "boolean": _boolean,
}
