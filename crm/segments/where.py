"""The filter on what an event carries: `where: [{"f": "properties.…", "op": …, "v": …}]`. Pure.

All entries must hold. The same conditions compile to SQL in the `event` leaf.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crm.errors import Problem, Problems
from crm.segments import conditions, values
from crm.segments.conditions import Condition

PREFIX = "properties."
KINDS = (
    conditions.TEXT,
    conditions.NUMBER,
    conditions.BOOLEAN,
    conditions.LIST,
    conditions.SET,
    conditions.DAY,
    conditions.INSTANT,
)
MAX_ENTRIES = 20


@dataclass(frozen=True)
class Filter:
    """A condition on the values at a path of the properties."""

    path: tuple[tuple[str, bool], ...]
    condition: Condition
    name: str

    def matches(self, properties: Mapping[str, Any]) -> bool:
        return conditions.holds(self.condition, values.at(properties, list(self.path)))


def parse(data: Any, path: str) -> tuple[Filter, ...]:
    """The filters of a `where`; raises `Problems` with all mistakes."""
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise Problems([Problem(path, "wrong_type", '"where" is a list of conditions on properties.')])
    if len(data) > MAX_ENTRIES:
        raise Problems([Problem(path, "too_long", f'"where" holds at most {MAX_ENTRIES} conditions.')])
    found: list[Filter] = []
    problems: list[Problem] = []
    for place, entry in enumerate(data):
        each, mistakes = _entry(entry, f"{path}/{place}")
        problems.extend(mistakes)
        found.extend([each] if each else [])
    if problems:
        raise Problems(problems)
    return tuple(found)


def problems(data: Any, path: str = "/where") -> list[Problem]:
    """All that is wrong with a `where`; empty if nothing is."""
    try:
        parse(data, path)
    except Problems as found:
        return found.problems
    return []


def matches(where: Sequence[Mapping[str, Any]], properties: Mapping[str, Any]) -> bool:
    """Do all conditions hold for these properties? (An empty `where` holds for every event.)"""
    if not where:
        return True
    return all(each.matches(properties) for each in _parsed(json.dumps(where, sort_keys=True, default=str)))


def property_path(name: Any, at: str, *, lists: bool = True) -> list[tuple[str, bool]]:
    """`properties.total.amount` as steps; raises `conditions.Mistake`."""
    shape = 'A property is named like "properties.category", "properties.total.amount" or "properties.products[].sku".'
    if not isinstance(name, str) or not name.startswith(PREFIX) or not values.clean(name):
        raise conditions.Mistake("unknown_field", f"{name!r:.80} is not a property of an event. {shape}", at)
    steps = values.steps(name.removeprefix(PREFIX))
    if steps is None:
        raise conditions.Mistake("bad_path", f"{name!r:.80} cannot be followed. {shape}", at)
    if not lists and any(each for _, each in steps):
        raise conditions.Mistake("bad_path", f"{name!r:.80} has many values; one is needed here: leave [] out.", at)
    return steps


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Filter, ...]:
    return parse(json.loads(text), "")


def _entry(entry: Any, path: str) -> tuple[Filter | None, list[Problem]]:
    if not isinstance(entry, Mapping):
        return None, [
            Problem(path, "wrong_type", 'A condition reads {"f": "properties.category", "op": "is", "v": "shoes"}.')
        ]
    mistakes: list[Problem] = []
    steps: list[tuple[str, bool]] = []
    try:
        steps = property_path(entry.get("f"), "/f")
    except conditions.Mistake as mistake:
        mistakes.append(mistake.problem.under(path))
    condition, more = conditions.parse(entry, path, KINDS)
    mistakes.extend(more)
    if mistakes or condition is None:
        return None, mistakes
    return Filter(tuple(steps), condition, str(entry["f"])), []
