"""`{"f": "fields.shoe_size", "op": ">=", "v": 39}`: fields of one's own, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import compare, conditions, sentences, values
from crm.segments.compare import Json
from crm.segments.conditions import CALENDAR, DAY, WINDOW, Condition
from crm.segments.grammar import Leaf
from crm.segments.leaves import contact
from crm.segments.sql import Sql, join

KINDS: Final = tuple({kind: None for kinds in conditions.OPERATORS.values() for kind in kinds})


@dataclass(frozen=True)
class CustomField(Leaf):
    # No index leads to a date inside JSON: each look reads the contacts that have the field.
    pace: ClassVar[int] = 300

    key: str
    condition: Condition

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        key = str(data["f"]).removeprefix("fields.")
        steps = values.steps(key)
        if data["f"] != f"fields.{key}" or steps is None or len(steps) != 1 or steps[0][1] or not values.clean(key):
            raise Problems(
                [
                    Problem(
                        f"{path}/f",
                        "bad_path",
                        f"{data['f']!r:.80} names no field; write fields.shoe_size: one "
                        "name of at most 80 characters without . [ ].",
                    )
                ]
            )
        condition, problems = conditions.parse(data, path, KINDS)
        if condition is None:
            raise Problems(problems)
        return cls(key, condition)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return compare.compile(self.condition, Json(self._value()), now)

    def seen(self, now: datetime) -> Sql:
        return self._value()

    def sentence(self) -> str:
        return sentences.compared(self.key, self.condition)

    def needed(self) -> Any:
        return sentences.needed(self.condition)

    def mentions(self) -> frozenset[str]:
        local = self.condition.kind in (CALENDAR, DAY)
        return frozenset({f"fields.{self.key}", "contact.zone"} if local else {f"fields.{self.key}"})

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        has = join("crm_contact.fields ? {}", self.key)
        if self.condition.kind == CALENDAR:
            return contact.new_days(last, now, has)
        if self.condition.kind == WINDOW:
            instant = join("cauce_instant({})", self._value())
            return contact.window_flips(instant, self.condition, last, now, has)
        return None

    def follows_time(self) -> bool:
        return self.condition.kind in (CALENDAR, WINDOW)

    def _value(self) -> Sql:
        return join("(crm_contact.fields -> {})", self.key)


registry.leaves.add("f.fields", CustomField)
