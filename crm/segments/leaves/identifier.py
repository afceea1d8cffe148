"""`{"f": "identifier.card", "op": "is_set"}`: what a contact can be recognised by. Any of several will do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import compare, conditions, sentences
from crm.segments.compare import TextColumn
from crm.segments.conditions import SET, TEXT, Condition
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, join

KINDS: Final = ("email", "phone", "card", "external_id")


@dataclass(frozen=True)
class IdentifierField(Leaf):
    kind: str
    condition: Condition

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        kind = str(data["f"]).removeprefix("identifier.")
        if kind not in KINDS:
            known = ", ".join(f"identifier.{each}" for each in KINDS)
            raise Problems(
                [Problem(f"{path}/f", "unknown_field", f"There is no field {data['f']!r:.80}; known: {known}.")]
            )
        condition, problems = conditions.parse(data, path, (TEXT, SET))
        if condition is None:
            raise Problems(problems)
        return cls(kind, condition)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        rows = join("crm_identifier i WHERE i.contact_id = crm_contact.id AND i.kind = {}", self.kind)
        return compare.any_of(self.condition, rows, TextColumn(Sql("i.value")), now)

    def seen(self, now: datetime) -> Sql:
        # How many, not which: an explanation is no way around the right to see addresses.
        return join(
            "(SELECT to_jsonb(count(*)) FROM crm_identifier i WHERE i.contact_id = crm_contact.id AND i.kind = {})",
            self.kind,
        )

    def sentence(self) -> str:
        return sentences.compared(sentences.field(self.kind), self.condition)

    def needed(self) -> Any:
        return sentences.needed(self.condition)

    def mentions(self) -> frozenset[str]:
        return frozenset({f"identifier.{self.kind}"})


registry.leaves.add("f.identifier", IdentifierField)
