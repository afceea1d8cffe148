"""`{"f": "contact.country", "op": "is", "v": "ES"}`: the standard fields of a contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import compare, conditions, days, sentences
from crm.segments.compare import Column, DayColumn, InstantColumn, Source, TextColumn
from crm.segments.conditions import CALENDAR, DAY, INSTANT, NUMBER, SET, TEXT, WINDOW, Condition
from crm.segments.grammar import Leaf
from crm.segments.sql import FALSE, TRUE, Sql, every, join

TEXTS: Final = (
    "given_name",
    "family_name",
    "language",
    "timezone",
    "zone",
    "country",
    "region",
    "city",
    "postal_code",
    "source",
)
TEXT_KINDS: Final = (TEXT, SET)
STORE: Final = Sql("coalesce((SELECT s.code FROM crm_store s WHERE s.id = crm_contact.home_store_id), '')")
# What each field can be compared as.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(TEXTS, TEXT_KINDS),
    "home_store": TEXT_KINDS,
    "birth_date": (DAY, CALENDAR, SET),
    "age": (NUMBER, SET),
    "created_at": (DAY, INSTANT, WINDOW, CALENDAR),
}
NAMES: Final = ", ".join(f"contact.{name}" for name in KINDS)


@dataclass(frozen=True)
class ContactField(Leaf):
    name: str
    condition: Condition

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        name = str(data["f"]).removeprefix("contact.")
        if name not in KINDS or data["f"] != f"contact.{name}":
            raise Problems(
                [
                    Problem(
                        f"{path}/f",
                        "unknown_field",
                        f"There is no field {data['f']!r:.80}; known: {NAMES}, and fields.… for your own.",
                    )
                ]
            )
        condition, problems = conditions.parse(data, path, KINDS[name])
        if condition is None:
            raise Problems(problems)
        return cls(name, condition)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return compare.compile(self.condition, self._source(now), now)

    def seen(self, now: datetime) -> Sql:
        return join("to_jsonb({})", self._value(now))

    def sentence(self) -> str:
        return sentences.compared(sentences.field(self.name), self.condition)

    def needed(self) -> Any:
        return sentences.needed(self.condition)

    def mentions(self) -> frozenset[str]:
        column = "birth_date" if self.name == "age" else self.name
        local = self.name == "age" or self.condition.kind in (CALENDAR, DAY)
        return frozenset({f"contact.{column}", "contact.zone"} if local else {f"contact.{column}"})

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        if self.condition.kind == WINDOW:
            return window_flips(Sql("crm_contact.created_at"), self.condition, last, now)
        if self.name == "age":
            return _birthdays(last, now, 0, 0)
        if self.condition.kind != CALENDAR:
            return None
        if self.condition.op == "anniversary":
            return _birthdays(last, now, *self.condition.v) if self.name == "birth_date" else new_days(last, now)
        return new_days(last, now)

    def follows_time(self) -> bool:
        return self.name == "age" or self.condition.kind in (WINDOW, CALENDAR)

    def _value(self, now: datetime) -> Sql:
        if self.name == "home_store":
            return STORE
        return _age(now) if self.name == "age" else Sql(f"crm_contact.{self.name}")

    def _source(self, now: datetime) -> Source:
        value = self._value(now)
        if KINDS[self.name] == TEXT_KINDS:
            return TextColumn(value)
        if self.name == "birth_date":
            return DayColumn(value)
        return Column(value) if self.name == "age" else InstantColumn(value)


def window_flips(instant: Sql, condition: Condition, last: datetime, now: datetime, more: Sql = TRUE) -> Sql:
    """Who came into or fell out of a window on `instant` in (last, now]: two short ranges."""
    span = condition.v if condition.op == "in_last" else -condition.v
    moved = join(
        "({} > {} AND {} <= {}) OR ({} > {} AND {} <= {})",
        instant,
        last,
        instant,
        now,
        instant,
        last - span,
        instant,
        now - span,
    )
    return join("SELECT crm_contact.id FROM crm_contact WHERE {}", every([more, moved]))


def new_days(last: datetime, now: datetime, more: Sql = TRUE) -> Sql:
    """Everybody for whom a new day began in (last, now]."""
    where = days.where_crossed(last, now) or FALSE
    return join("SELECT crm_contact.id FROM crm_contact WHERE {}", every([where, more]))


def _birthdays(last: datetime, now: datetime, low: int, high: int) -> Sql:
    """Among those, the ones whose anniversary comes into or leaves the range on one of these days."""
    begun = days.crossed(last, now)
    kept = {day for date in begun for shift in (high, low - 1) for day in compare.anniversaries(date, shift, shift)}
    # 28 February stands for the 29th in other years, so both are looked at around either.
    if kept & {"02-28", "02-29", "03-01"}:
        kept |= {"02-28", "02-29", "03-01"}
    return new_days(last, now, join("to_char(crm_contact.birth_date, 'MM-DD') = ANY({}::text[])", sorted(kept)))


def _age(now: datetime) -> Sql:
    """Full years on the contact's date; somebody born on 29 February grows older on the 28th in other years."""
    today = days.today(now)
    years = join("(extract(year FROM {}) - extract(year FROM crm_contact.birth_date))::int", today)
    return join("({} - (crm_contact.birth_date + make_interval(years => {}) > {})::int)::numeric", years, years, today)


registry.leaves.add("f.contact", ContactField)
