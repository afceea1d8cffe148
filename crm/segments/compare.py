"""A condition as SQL, over whatever holds the value. Pure but for the names of zones.

A `Source` knows how to read its column as text, number, instant … (NULL: missing).
What comes out is two-valued: never NULL, whatever the data (decision C3).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from crm.segments import conditions, days
from crm.segments.conditions import Condition
from crm.segments.sql import Sql, every, exists, join, opposite, some


class Source(ABC):
    """Where a value comes from. `read(kind)` is an expression of that type, NULL when missing."""

    @abstractmethod
    def read(self, kind: str) -> Sql: ...

    def readable(self, kind: str) -> Sql:
        """Two-valued: is there a value of that kind?"""
        return join("({}) IS NOT NULL", self.read(kind))

    def test(self, condition: Condition, now: datetime) -> Sql:
        """The positive comparison; true, false, or NULL when missing."""
        return _test(condition, self.read(condition.kind), now)


@dataclass(frozen=True)
class TextColumn(Source):
    """A text column that is never NULL; '' is missing."""

    column: Sql

    def read(self, kind: str) -> Sql:
        return self.column

    def readable(self, kind: str) -> Sql:
        return join("{} <> ''", self.column)

    def test(self, condition: Condition, now: datetime) -> Sql:
        plain = _test(condition, self.column, now)
        # '' sorts below every text; other comparisons with a text that is not empty fail on it.
        return every([self.readable(condition.kind), plain]) if condition.op in ("<", "<=") else plain


@dataclass(frozen=True)
class Column(Source):
    """A column or expression of one type; NULL is missing."""

    column: Sql

    def read(self, kind: str) -> Sql:
        return self.column


@dataclass(frozen=True)
class DayColumn(Column):
    """A date, which has no zone: anniversaries and days around today are counted on it."""


@dataclass(frozen=True)
class InstantColumn(Source):
    """An instant; as a day it is the contact's local date."""

    column: Sql

    def read(self, kind: str) -> Sql:
        return days.of(self.column) if kind in (conditions.DAY, conditions.CALENDAR) else self.column


@dataclass(frozen=True)
class Json(Source):
    """A JSON value that may be anything. `local`: days are the contact's, else those of UTC."""

    value: Sql
    local: bool = True

    def read(self, kind: str) -> Sql:
        return _JSON[kind](self)

    def readable(self, kind: str) -> Sql:
        if kind == conditions.TEXT:
            return join(
                "(jsonb_typeof({0}) = 'string' AND {0} <> '\"\"') IS TRUE".replace("{0}", "{}"), self.value, self.value
            )
        if kind == conditions.SET:
            return join("({} NOT IN ('null', '\"\"', '[]', '{{}}')) IS TRUE", self.value)
        return super().readable(kind)

    def test(self, condition: Condition, now: datetime) -> Sql:
        if condition.kind == conditions.TEXT and condition.op == "is":
            return join("{} = to_jsonb({}::text)", self.value, condition.v)
        if condition.kind == conditions.TEXT and condition.op == "in":
            return join("{} = ANY({}::jsonb[])", self.value, [json.dumps(each) for each in condition.v])
        return super().test(condition, now)

    def day(self) -> Sql:
        instant = self.read(conditions.INSTANT)
        utc = join("({} AT TIME ZONE 'UTC')::date", instant)
        if not self.local:
            return utc
        return join("CASE WHEN length({} #>> '{{}}') = 10 THEN {} ELSE {} END", self.value, utc, days.of(instant))


_JSON: dict[str, Callable[[Json], Sql]] = {
    conditions.TEXT: lambda of: join(
        "(CASE jsonb_typeof({}) WHEN 'string' THEN nullif({} #>> '{{}}', '') END)", of.value, of.value
    ),
    conditions.NUMBER: lambda of: join("cauce_number({})", of.value),
    conditions.BOOLEAN: lambda of: join(
        "(CASE jsonb_typeof({}) WHEN 'boolean' THEN {} = 'true' END)", of.value, of.value
    ),
    conditions.LIST: lambda of: join(
        "(CASE WHEN jsonb_typeof({}) = 'array' THEN nullif({}, '[]') END)", of.value, of.value
    ),
    conditions.INSTANT: lambda of: join("cauce_instant({})", of.value),
    conditions.WINDOW: lambda of: join("cauce_instant({})", of.value),
    conditions.DAY: Json.day,
    conditions.CALENDAR: Json.day,
}


def compile(condition: Condition, source: Source, now: datetime) -> Sql:  # noqa: A001 - it is the word
    """Does the condition hold? Two-valued."""
    if condition.kind == conditions.SET:
        found = source.readable(conditions.SET)
        return opposite(found) if condition.negated else found
    test, readable = source.test(condition, now), source.readable(condition.kind)
    return answer(condition, test, readable, sure=isinstance(source, TextColumn))


def answer(condition: Condition, test: Sql, readable: Sql, *, sure: bool = False) -> Sql:
    """Put the test, the negation and the answer for missing values together.

    `sure`: the test is never NULL, so that the planner sees it bare.
    """
    held = test if sure else join("({}) IS TRUE", test)
    if condition.negated:
        failed = opposite(test) if sure else join("({}) IS NOT TRUE", test)
        return failed if condition.missing else every([readable, failed])
    return some([held, opposite(readable)]) if condition.missing else held


def any_of(condition: Condition, rows: Sql, source: Source, now: datetime) -> Sql:
    """Over many values: any of them, or for a negated operator none.

    `rows` is a FROM and a WHERE, to which the condition on one value is added.
    """

    def one(what: Sql) -> Sql:
        return exists(join("{} AND ({})", rows, what))

    if condition.kind == conditions.SET:
        found = one(source.readable(conditions.SET))
        return opposite(found) if condition.negated else found
    test, readable = one(source.test(condition, now)), one(source.readable(condition.kind))
    return answer(condition, test, readable, sure=True)


# --- the comparisons -------------------------------------------------------------------------


def _test(condition: Condition, value: Sql, now: datetime) -> Sql:
    if condition.kind == conditions.TEXT:
        return _TEXTS[condition.op](value, condition.v)
    if condition.kind == conditions.WINDOW:
        return _window(condition.op, value, condition.v, now)
    if condition.kind == conditions.CALENDAR:
        return _calendar(condition, value, now)
    if condition.kind == conditions.LIST:
        sign = {"has_any": "?|", "has_all": "?&"}[condition.op]
        return join("{} " + sign + " {}::text[]", value, list(condition.v))
    return _typed(condition, value)


def _typed(condition: Condition, value: Sql) -> Sql:
    cast = {
        conditions.NUMBER: "numeric",
        conditions.DAY: "date",
        conditions.INSTANT: "timestamptz",
        conditions.BOOLEAN: "boolean",
    }[condition.kind]
    if condition.op == "in":
        return join(f"{{}} = ANY({{}}::{cast}[])", value, list(condition.v))
    if condition.op == "between":
        return join(f"{{}} BETWEEN {{}}::{cast} AND {{}}::{cast}", value, *condition.v)
    sign = {"is": "=", "on": "=", "before": "<", "after": ">"}.get(condition.op, condition.op)
    return join(f"{{}} {sign} {{}}::{cast}", value, condition.v)


def _ordered(sign: str, value: Sql, v: Any) -> Sql:
    return join(f'{{}} {sign} {{}}::text COLLATE "C"', value, v)


_TEXTS: dict[str, Callable[[Sql, Any], Sql]] = {
    "is": lambda value, v: join("{} = {}", value, v),
    "in": lambda value, v: join("{} = ANY({}::text[])", value, list(v)),
    "contains": lambda value, v: join("strpos({}, {}) > 0", value, v),
    "starts": lambda value, v: join("starts_with({}, {})", value, v),
    "ends": lambda value, v: join("right({}, {}) = {}", value, len(v), v),
    **{sign: partial(_ordered, sign) for sign in conditions.ORDER},
}


def _window(op: str, value: Sql, span: timedelta, now: datetime) -> Sql:
    """Half open, so that windows tile: (now - span, now], (now, now + span]."""
    low, high = (now - span, now) if op == "in_last" else (now, now + span)
    return every([join("{} > {}::timestamptz", value, low), join("{} <= {}::timestamptz", value, high)])


def _calendar(condition: Condition, value: Sql, now: datetime) -> Sql:
    low, high = condition.v
    if condition.op != "anniversary":
        return join("{} - {} BETWEEN {} AND {}", value, days.today(now), low, high)
    cases = [
        join("WHEN {} THEN {}", _lives(names), _anniversary(value, day, low, high))
        for day, names in days.by_date(now).items()
        if day != now.astimezone(UTC).date()
    ]
    here = _anniversary(value, now.astimezone(UTC).date(), low, high)
    if not cases:
        return here
    return join("CASE " + " ".join("{}" for _ in cases) + " ELSE {} END", *cases, here)


def _lives(names: list[str]) -> Sql:
    return join("crm_contact.zone = ANY({})", names)


def _anniversary(value: Sql, today: date, low: int, high: int) -> Sql:
    """Does the day come round in the range? The months and days of the range are few: they are listed."""
    return join("to_char({}, 'MM-DD') = ANY({}::text[])", value, anniversaries(today, low, high))


def anniversaries(today: date, low: int, high: int) -> list[str]:
    """The month-days that are kept on a date in [today + low, today + high]; 29 February, else on the 28th."""
    kept: set[str] = set()
    for shift in range(low, high + 1):
        day = today + timedelta(days=shift)
        kept.add(day.strftime("%m-%d"))
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            kept.add("02-29")
    return sorted(kept)
