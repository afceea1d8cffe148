"""The leaf this floor adds to rules: the funnel stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext as _

from analytics import stages
from crm import registry
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, every, join, opposite, some


@dataclass(frozen=True)
class StageLeaf(Leaf):
    """`{"stage": "loyal"}`, or a list of stages."""

    wanted: tuple[str, ...]

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, ("stage",), path)
        asked, names = data["stage"], stages.ladder().names
        wanted = asked if isinstance(asked, list) and asked else [asked]
        problems += [
            Problem(f"{path}/stage", "unknown_stage", f"There is no stage {name!r:.40}; they are {', '.join(names)}.")
            for name in wanted
            if name not in names
        ]
        if problems:
            raise Problems(problems)
        return cls(tuple(wanted))

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        ladder = stages.ladder()
        above = [name for name in self.wanted if name != ladder.start]
        found = [join("EXISTS (SELECT FROM {} AND g.stage = ANY({}))", ROW, above)] if above else []
        begins = self._begins(ladder.start, ladder.known)
        return some([*found, *([begins] if begins else [])])

    def _begins(self, start: str, known: str) -> Sql | None:
        """At the first stage nothing need be stored; whoever is known there is at the next one."""
        bare = opposite(join("EXISTS (SELECT FROM {} AND g.stage <> {})", ROW, start))
        identified = Sql(stages.IDENTIFIED.format("crm_contact.id"))
        first, second = start in self.wanted, known in self.wanted
        if first and second:
            return bare
        if first:
            return every([bare, opposite(identified)])
        return every([bare, identified]) if second else None

    def seen(self, now: datetime) -> Sql:
        ladder = stages.ladder()
        identified = Sql(stages.IDENTIFIED.format("crm_contact.id"))
        return join(
            """to_jsonb(coalesce((SELECT g.stage FROM {} AND g.stage <> {}),
                 CASE WHEN {} THEN {}::text ELSE {}::text END))""",
            ROW,
            ladder.start,
            identified,
            ladder.known,
            ladder.start,
        )

    def sentence(self) -> str:
        return _("stage is %(stages)s") % {"stages": ", ".join(self.wanted)}

    def needed(self) -> Any:
        return list(self.wanted)

    def mentions(self) -> frozenset[str]:
        return frozenset(
            {
                "stage",
                "consent",
                "event:Card Linked",
                *(f"identifier.{kind}" for kind in ("email", "phone", "card", "external_id")),
            }
        )


ROW = Sql("analytics_contactstage g WHERE g.contact_id = crm_contact.id")
registry.leaves.add("stage", StageLeaf)
