"""What an identify says of somebody, in our words: identifiers, fields of a contact, and what is left. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crm import normalise, typed
from crm.columns import LONGEST_TEXT, MOST_FIELDS, UNSTORABLE, column
from crm.errors import Problem, Problems
from crm.intake import Frame
from crm.normalise import Trace

# As the SDKs' documents and the shops write them, compared without case, blanks and underscores.
COLUMNS: Final = {
    "firstname": "given_name",
    "givenname": "given_name",
    "lastname": "family_name",
    "familyname": "family_name",
    "language": "language",
    "timezone": "timezone",
    "country": "country",
    "region": "region",
    "state": "region",
    "city": "city",
    "postalcode": "postal_code",
    "zip": "postal_code",
    "birthday": "birth_date",
    "birthdate": "birth_date",
    "dateofbirth": "birth_date",
}
IDENTIFIERS: Final = ("email", "phone")
ADDRESS: Final = ("country", "region", "state", "city", "postalcode", "zip")
FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,79}")


@dataclass
class Said:
    """`left` is what found no place: it stays with the event that told it."""

    traces: list[Trace] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> dict[str, Any]:
        """As `crm.capture` takes them."""
        return {**self.columns, **({"fields": self.fields} if self.fields else {})}


def read(given: Mapping[str, Any], frame: Frame) -> Said:
    said = Said()
    for name, value in given.items():
        plain = _plain(name)
        if plain in IDENTIFIERS:
            _identifier(plain, value, said, frame)
        elif plain == "address" and isinstance(value, dict):
            _address(value, said)
        elif plain in COLUMNS and isinstance(value, str):
            _column(COLUMNS[plain], name, value, said)
        elif plain != "name":
            _field(name, value, said, frame)
    _name(given, said)
    return said


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _identifier(kind: str, value: Any, said: Said, frame: Frame) -> None:
    try:
        said.traces.append(normalise.trace(kind, value, frame.country))
    except Problem:
        if value not in (None, ""):
            said.left[kind] = value


def _column(place: str, name: str, value: Any, said: Said) -> None:
    try:
        told = column(place, value)
    except Problem:
        said.left[name] = value
        return
    if told is not None:
        said.columns[place] = told


def _address(given: Mapping[str, Any], said: Said) -> None:
    rest = {}
    for name, value in given.items():
        plain = _plain(name)
        if plain in ADDRESS and isinstance(value, str) and COLUMNS[plain] not in said.columns:
            _column(COLUMNS[plain], f"address.{name}", value, said)
        else:
            rest[name] = value
    if rest:
        said.left["address"] = rest


def _field(name: str, value: Any, said: Said, frame: Frame) -> None:
    """One of the shop's own fields, where it can be one."""
    try:
        said.fields |= typed.checked({name: value}, frame.fields)
    except (Problem, Problems):
        said.left[name] = value
        return
    told = said.fields[name]
    values = told if isinstance(told, list) else [told]
    if not (FIELD.fullmatch(name) and len(said.fields) <= MOST_FIELDS and all(_is_value(each) for each in values)):
        del said.fields[name]
        said.left[name] = value


def _is_value(each: Any) -> bool:
    if isinstance(each, str):
        return len(each) <= LONGEST_TEXT and not UNSTORABLE.search(each)
    if isinstance(each, int) and not isinstance(each, bool):
        return abs(each) < 2**63
    return each is None or isinstance(each, bool) or (isinstance(each, float) and math.isfinite(each))


def _name(given: Mapping[str, Any], said: Said) -> None:
    """A whole name, where the parts were not told: the first word is how somebody is called."""
    name = next((value for key, value in given.items() if _plain(key) == "name"), None)
    if name in (None, ""):
        return
    if not isinstance(name, str) or not {"given_name", "family_name"}.isdisjoint(said.columns):
        said.left["name"] = name
        return
    first, _, rest = normalise.clean(name).partition(" ")
    _column("given_name", "name", first, said)
    _column("family_name", "name", rest.strip(), said)
