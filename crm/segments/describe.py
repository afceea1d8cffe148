"""How a leaf is shown and changed by people: its label, its inputs, and the way back to JSON.

One small description per leaf, under the same name as in `registry.leaves`; upper floors add
theirs from `segment_words.py`. What an editor could not write back just as it was is shown in
words and left alone (`editable`), so nothing is lost by opening a rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from crm import registry
from crm.errors import Problem, Problems
from crm.registry import Named
from crm.segments import conditions

Doc = dict[str, Any]
Found = TypeVar("Found")
# Keys that only the editor reads: what a value is compared as while there is none yet.
HINT: Final = "as"


@dataclass(frozen=True)
class Input:
    """One control of a row. `name` is unique in its leaf; `reshape`: another value changes what follows it.

    Kinds: select, text, number, date, instant, check; words (no control), break (a new line), and the
    commands drop (takes a part of the leaf away) and more (offers parts to add).
    """

    kind: str
    name: str = ""
    label: Any = ""
    value: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()
    # Groups of choices: (label, choices).
    groups: tuple[tuple[Any, tuple[tuple[str, Any], ...]], ...] = ()
    # Which list of known values to offer while somebody types (`pickers`).
    source: str = ""
    placeholder: Any = ""
    reshape: bool = False


class Offers:
    """What can be chosen from, asked of the database at most once a request."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def once(self, name: str, ask: Callable[[], Found]) -> Found:
        if name not in self._known:
            self._known[name] = ask()
        found: Found = self._known[name]
        return found


@dataclass(frozen=True)
class Starter:
    """An entry of the menu "Rule": its words and the condition it begins with."""

    label: Any
    doc: Doc
    icon: str = ""


def _same(doc: Doc, part: str) -> Doc:
    del part
    return doc


@dataclass(frozen=True)
class Description:
    label: Any
    icon: str
    group: Any
    inputs: Callable[[Doc, Offers], list[Input]]
    written: Callable[[Doc, Mapping[str, str]], Doc]
    starters: tuple[Starter, ...] = ()
    add: Callable[[Doc, str], Doc] = _same
    drop: Callable[[Doc, str], Doc] = _same


descriptions: Named[Description] = Named("descriptions of rule leaves")


def key(doc: Any) -> str:
    """Under which name the leaf of a condition is registered; "" when it is none."""
    if not isinstance(doc, Mapping):
        return ""
    if "f" in doc:
        return f"f.{str(doc['f']).split('.')[0]}"
    return next((name for name in registry.leaves.names() if not name.startswith("f.") and name in doc), "")


def of(doc: Any) -> Description | None:
    return descriptions.get(key(doc))


def cleaned(doc: Any) -> Any:
    """The condition as the grammar has it: without hints, and without filters nobody filled in."""
    if isinstance(doc, list):
        return [cleaned(each) for each in doc]
    if not isinstance(doc, Mapping):
        return doc
    found = {name: cleaned(value) for name, value in doc.items() if name != HINT}
    if isinstance(found.get("where"), list):
        found["where"] = [each for each in found["where"] if not _unfilled(each)]
        if not found["where"]:
            del found["where"]
    return found


def _unfilled(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.get("v", 0) in ("", []) and entry.get("op") in conditions.OPERATORS


def parsed(doc: Doc) -> Any:
    """The leaf, or None while it is not one yet."""
    kind = registry.leaves.get(key(doc))
    try:
        return kind.parse(cleaned(doc), "") if kind else None
    except (Problems, Problem, conditions.Mistake, TypeError, ValueError, KeyError):
        return None


def values(doc: Doc, offers: Offers) -> dict[str, str]:
    """What the inputs of a condition would post if nobody touched them."""
    description = of(doc)
    if description is None:
        return {}
    return {each.name: str(each.value) for each in description.inputs(doc, offers) if _is_control(each)}


def _is_control(each: Input) -> bool:
    if each.kind == "check":
        return bool(each.value)
    return each.kind not in ("words", "break", "drop", "more")


def editable(doc: Doc, offers: Offers) -> bool:
    """Whether its inputs say all of it. A condition that cannot be read yet came from the editor itself."""
    description = of(doc)
    if description is None:
        return False
    before = parsed(doc)
    if before is None:
        return HINT in str(doc) or _opens(description, doc, offers)
    return bool(before == parsed(description.written(copy.deepcopy(doc), values(doc, offers))))


def _opens(description: Description, doc: Doc, offers: Offers) -> bool:
    try:
        description.written(copy.deepcopy(doc), values(doc, offers))
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return False
    return True
