"""Reading a document that somebody sent: every mistake is noted, none is raised. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final

from crm.errors import Problem
from crm.segments import where

SECONDS: Final = {"minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
LONGEST_S: Final = 730 * 86_400
MATCH: Final = ("key", "shares_product", "any")
PATH = re.compile(r"properties(\.[^\s.\[\]\x00]{1,64}){1,6}")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
PREFIX = "properties."
RULE_DEPTH, RULE_NODES = 8, 100

RuleCheck = Callable[[Any, str], Sequence[Problem]]
ContentCheck = Callable[[str, Mapping[str, Any], str], Sequence[Problem]]


@dataclass(frozen=True)
class Duration:
    """So many minutes, hours, days or weeks; days and weeks keep the wall time."""

    value: int
    unit: str

    @property
    def seconds(self) -> int:
        return self.value * SECONDS[self.unit]


@dataclass
class Notes:
    """What was found wrong, or doubtful. `rule_check` and `content_check` look deeper than shapes:
    rules and templates have parsers of their own, which the pure engine does not know."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    rule_check: RuleCheck | None = None
    content_check: ContentCheck | None = None

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        self.problems.append(Problem(pointer, code, detail))

    def warn(self, pointer: str, code: str, detail: str) -> None:
        self.warnings.append(Problem(pointer, code, detail))


def below(pointer: str, key: object) -> str:
    """The JSON pointer of a key (RFC 6901), cut where somebody sent a very long one."""
    return f"{pointer}/{str(key)[:80].replace('~', '~0').replace('/', '~1')}"


def shown(value: Any) -> str:
    """A value as an error may quote it: short."""
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "…"


class Reader:
    """One JSON object. Each method reads one key; `close` refuses the keys that none has read.

    `subject` opens every sentence ("Step e1"), so that each mistake names its step. `key_path` is
    the campaign's, for those who watch events.
    """

    def __init__(self, data: Any, pointer: str, notes: Notes, subject: str) -> None:
        self.pointer, self.notes, self.subject = pointer, notes, subject
        self.known: set[str] = set()
        self.key_path = ""
        if not isinstance(data, dict):
            self.notes.refuse(pointer, "not_an_object", f"{subject}: give an object here, not {shown(data)}.")
            data = {}
        self.data: dict[str, Any] = data

    def at(self, key: object) -> str:
        return below(self.pointer, key)

    def refuse(self, key: str, code: str, detail: str) -> None:
        """Note a mistake at `key` ('' is the object itself)."""
        self.notes.refuse(self.at(key) if key else self.pointer, code, f"{self.subject}: {detail}")

    def has(self, key: str) -> bool:
        self.known.add(key)
        return key in self.data

    def raw(self, key: str, default: Any = None) -> Any:
        self.known.add(key)
        return self.data.get(key, default)

    def close(self) -> None:
        """Refuse what nobody asked for."""
        for key in self.data:
            if key not in self.known:
                words = ", ".join(sorted(self.known)) or "none"
                self.refuse(key, "unknown_key", f"{shown(key)} is not known here; remove it (known: {words}).")

    def text(
        self, key: str, *, default: str = "", required: bool = False, longest: int = 200, one_line: bool = True
    ) -> str:
        value = self.raw(key)
        if value is None and key not in self.data:
            if required:
                self.refuse(key, "required", f"{key} is missing; give a text.")
            return default
        if not isinstance(value, str):
            self.refuse(key, "not_a_text", f"{key} must be a text, not {shown(value)}.")
            return default
        if required and not value.strip():
            self.refuse(key, "required", f"{key} is empty; give a text.")
        elif len(value) > longest:
            self.refuse(key, "too_long", f"{key} has {len(value)} characters; at most {longest}.")
        elif one_line and any(ord(c) < 32 or c in "\x7f\u2028\u2029" for c in value):
            self.refuse(key, "bad_text", f"{key} must be one line without control characters.")
        return value

    def integer(self, key: str, *, default: int | None, low: int, high: int) -> int:
        value = self.raw(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse(key, "not_in_range", f"{key} must be a whole number from {low} to {high}.")
            return default if default is not None else low
        return value

    def percent(self, key: str, *, default: float | None, high: int) -> float:
        value = self.raw(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
            self.refuse(key, "not_in_range", f"{key} must be a number from 0 to {high}.")
            return default or 0
        if round(value, 2) != value:
            self.refuse(key, "too_fine", f"{key} may have two decimals; round it.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.raw(key, default)
        if not isinstance(value, bool):
            self.refuse(key, "not_a_flag", f"{key} must be true or false, not {shown(value)}.")
            return default
        return value

    def choice(self, key: str, options: Sequence[str], *, default: str | None) -> str:
        value = self.raw(key, default)
        if not isinstance(value, str) or value not in options:
            words = ", ".join(option for option in options if option)
            self.refuse(key, "not_a_choice", f"{key} must be one of {words}, not {shown(value)}.")
            return default if default is not None else options[0]
        return value

    def duration(self, key: str, *, default: Duration | None = None, required: bool = False) -> Duration | None:
        if not self.has(key):
            if required:
                self.refuse(key, "required", f'{key} is missing; give {{"value": 2, "unit": "days"}}.')
            return default
        inner = Reader(self.data[key], self.at(key), self.notes, self.subject)
        found = inner.span()
        inner.close()
        return found or default

    def span(self) -> Duration | None:
        """This object itself as a duration: its `value` and `unit`."""
        before = len(self.notes.problems)
        unit = self.choice("unit", tuple(SECONDS), default=None)
        found = Duration(self.integer("value", default=None, low=1, high=LONGEST_S // SECONDS[unit]), unit)
        return found if len(self.notes.problems) == before else None

    def clock(self, key: str) -> time | None:
        """A time of day, "HH:MM"."""
        value = self.raw(key)
        if not isinstance(value, str) or not TIME.fullmatch(value):
            self.refuse(key, "not_a_time", f'{key} must be a time of day such as "09:30", not {shown(value)}.')
            return None
        return time(int(value[:2]), int(value[3:]))

    def path(self, key: str) -> str:
        """A path into an event's properties, without its first word; '' if absent."""
        if not self.has(key):
            return ""
        value = self.data[key]
        if not isinstance(value, str) or not PATH.fullmatch(value):
            self.refuse(key, "not_a_path", f'{key} must be a path such as "properties.cart_id".')
            return ""
        return value.removeprefix(PREFIX)

    def match(self, key: str = "match") -> tuple[str, ...]:
        value = self.raw(key, list(MATCH))
        if (
            not isinstance(value, list)
            or not value
            or any(not isinstance(word, str) or word not in MATCH for word in value)
            or len(set(value)) != len(value)
        ):
            self.refuse(key, "not_a_match", f"{key} must be a list of some of {', '.join(MATCH)}.")
            return MATCH
        return tuple(word for word in MATCH if word in value)

    def items(self, key: str, *, low: int, high: int, of: str) -> Iterator[tuple[str, Any]]:
        """(pointer, item) of a list of `low` to `high` things; absent counts as empty."""
        value = self.raw(key, [])
        if not isinstance(value, list):
            self.refuse(key, "not_a_list", f"{key} must be a list of {of}.")
            return
        if not low <= len(value) <= high:
            self.refuse(key, "bad_count", f"{key} has {len(value)} {of}; give {low} to {high}.")
        for index, item in enumerate(value[:high]):
            yield below(self.at(key), index), item

    def where(self, key: str = "where") -> tuple[Mapping[str, Any], ...]:
        """Filters on an event's properties."""
        value = self.raw(key, [])
        wrong = where.problems(value, self.at(key))
        for problem in wrong:
            self.notes.refuse(problem.pointer, problem.code, f"{self.subject}: {problem.detail}")
        return () if wrong else tuple(value)

    def rule(self, key: str) -> Any:
        """A rule of the segment grammar; None if absent. Its shape here, its words by `rule_check`."""
        if not self.has(key):
            return None
        value = self.data[key]
        trouble = rule_trouble(value)
        if trouble:
            self.refuse(key, "bad_rule", f"{key} {trouble}")
        elif self.notes.rule_check:
            for problem in self.notes.rule_check(value, self.at(key)):
                self.notes.refuse(problem.pointer, problem.code, f"{self.subject}: {problem.detail}")
        return value


def rule_trouble(rule: Any) -> str:
    """What is wrong with the shape of a rule: '' if nothing."""
    if not isinstance(rule, dict) or not rule:
        return 'must be a rule such as {"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}.'
    nodes, stack = 0, [(rule, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if depth > RULE_DEPTH:
            return f"is more than {RULE_DEPTH} levels deep; make a segment of its inner part."
        if nodes > RULE_NODES:
            return f"has more than {RULE_NODES} clauses; make segments of its parts."
        for word in ("all", "any", "none"):
            children = node.get(word, [])
            if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
                return f'has an "{word}" that is no list of rules.'
            stack.extend((child, depth + 1) for child in children)
    return ""
