"""What the settings of a step are asked with: fields and rows, made from a step and read back into it.

Each kind has a sheet, in one file of this package: `show(step, room)` makes the fields, `read(step, typed,
room)` the step that was typed. A field knows its place in the step, so a mistake that the parser of the
journey finds at that place is shown beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

Doc = dict[str, Any]
Choices = Sequence[tuple[str, str]]
MOST_ROWS: Final = 60


@dataclass(frozen=True)
class Field:
    """One question. `form`: text, area, number, choice, flag, time, days, span or told (words alone).

    `place`: its pointer below the step, without the first slash. `reshape`: its answer changes what else is
    asked. `offers`: the name of the list of known words. `unit`: of a span, beside its number in `value`.
    """

    name: str
    label: str
    value: Any = ""
    form: str = "text"
    help: str = ""
    choices: Choices = ()
    place: str = ""
    unit: str = ""
    reshape: bool = False
    offers: str = ""
    low: int | None = None
    high: int | None = None
    longest: int = 0
    short: bool = False
    tail: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Row:
    """Fields that belong together, and what can be done with them: (deed, icon, words).

    `lane`: the number of the lane whose rule is edited apart.
    """

    title: str
    fields: Sequence[Field] = ()
    deeds: Sequence[tuple[str, str, str]] = ()
    told: str = ""
    inner: Sequence[Row] = ()
    place: str = ""
    lane: int | None = None


@dataclass(frozen=True)
class Part:
    """A stretch of the form."""

    fields: Sequence[Field] = ()
    rows: Sequence[Row] = ()
    title: str = ""
    told: str = ""
    deeds: Sequence[tuple[str, str, str]] = ()
    folded: bool = False
    place: str = ""


@dataclass
class Room:
    """What the sheets must know beside their step: names of things that can be chosen, read once."""

    segments: Choices = ()
    steps: Choices = ()
    events: Sequence[str] = ()
    fields: Sequence[str] = ()
    stages: Choices = ()
    say: Callable[[Sequence[Any]], list[str]] = lambda rules: ["" for _each in rules]
    keyed: bool = False


@dataclass
class Typed:
    """What was posted, and what of it makes no sense: (name of the field, words)."""

    posted: Mapping[str, str]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def text(self, name: str) -> str:
        """On one line, without blanks around it."""
        return " ".join(self.posted.get(name, "").split())

    def words(self, name: str) -> str:
        """Several lines, as they were typed."""
        return self.posted.get(name, "").replace("\r\n", "\n").replace("\x00", "")

    def flag(self, name: str) -> bool:
        return self.posted.get(name, "") in ("on", "true", "1")

    def has(self, name: str) -> bool:
        return name in self.posted

    def number(self, name: str, *, decimals: bool = False) -> int | float | None:
        """None where nothing was typed, and where it is no number (which is then noted)."""
        text = self.text(name).replace(",", ".").replace("\u00a0", "").replace(" ", "")
        if not text:
            return None
        try:
            value = float(text)
            whole = int(value)
        except (ValueError, OverflowError):
            self.refuse(name, _("Type a number."))
            return None
        if whole == value:
            return whole
        if not decimals:
            self.refuse(name, _("Type a whole number."))
            return None
        return value

    def span(self, name: str) -> Doc | None:
        value = self.number(name)
        unit = self.posted.get(f"{name}-unit", "")
        return None if value is None else {"value": value, "unit": unit if unit in UNITS else "days"}

    def rows(self, prefix: str) -> Iterable[int]:
        """The numbers of the rows that were posted under a prefix."""
        for number in range(MOST_ROWS):
            if any(name.startswith(f"{prefix}-{number}-") for name in self.posted):
                yield number

    def refuse(self, name: str, words: str) -> None:
        self.wrong.append((name, words))


Show = Callable[[Doc, Room], list[Part]]
Read = Callable[[Doc, Typed, Room], Doc]


@dataclass(frozen=True)
class Sheet:
    show: Show
    read: Read


sheets: dict[str, Sheet] = {}
UNITS: Final = ("minutes", "hours", "days", "weeks")


def sheet(kind: str, show: Show, read: Read) -> None:
    """Add the sheet of a kind; a kind has one."""
    if kind in sheets:
        raise ValueError(f"two sheets for {kind!r}")
    sheets[kind] = Sheet(show, read)


def config(step: Mapping[str, Any]) -> Doc:
    found = step.get("config")
    return dict(found) if isinstance(found, dict) else {}


def lanes(step: Mapping[str, Any]) -> list[Doc]:
    found = step.get("lanes")
    return [dict(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def objects(value: Any) -> list[Doc]:
    """The objects of a list of whatever shape."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(known: Mapping[str, Any], key: str) -> str:
    value = known.get(key)
    return value if isinstance(value, str) else ""


def plain(value: Any) -> str:
    """A value as it stands in a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(plain(each) for each in value)
    return "" if value is None or isinstance(value, dict) else str(value)


def with_text(known: Doc, key: str, text: str) -> None:
    """Set a text; an empty one is taken out."""
    if text:
        known[key] = text
    else:
        known.pop(key, None)


def set_or_drop(known: Doc, key: str, value: Any) -> None:
    if value is None:
        known.pop(key, None)
    else:
        known[key] = value


def units() -> Choices:
    return [("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days")), ("weeks", _("weeks"))]


def span_field(name: str, label: str, value: Any, place: str, **more: Any) -> Field:
    known = value if isinstance(value, dict) else {}
    return Field(
        name, label, plain(known.get("value")), "span", choices=units(), place=place,
        unit=text_of(known, "unit") or "days", low=1, **more,
    )  # fmt: skip


def moved(items: list[Any], number: int, by: int) -> list[Any]:
    """The items with one of them a place further up or down."""
    other = number + by
    if not (0 <= number < len(items) and 0 <= other < len(items)):
        return items
    items = list(items)
    items[number], items[other] = items[other], items[number]
    return items


def order_deeds(what: str, number: int, count: int) -> list[tuple[str, str, str]]:
    """Buttons that move a row up and down, and take it away."""
    found = []
    if number:
        found.append((f"up:{what}:{number}", "arrow-up", _("Move up")))
    if number < count - 1:
        found.append((f"down:{what}:{number}", "arrow-down", _("Move down")))
    found.append((f"remove:{what}:{number}", "trash", _("Remove")))
    return found
