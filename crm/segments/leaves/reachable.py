"""`{"f": "reachable.email", "op": "is", "v": true, "purpose": "offers"}`: may a marketing message go there now?

The one answer of `crm.consent.allowed`, as SQL. Caps and quiet hours are the gate's
business, or membership would flicker with every send (decision A25).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext as _

from crm import registry, standings, words
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.conditions import BOOLEAN
from crm.segments.grammar import Leaf
from crm.segments.leaves import consent
from crm.segments.sql import Sql, join, opposite

DEFAULT_PURPOSE = "offers"


@dataclass(frozen=True)
class ReachableField(Leaf):
    channel: str
    purpose: str
    wanted: bool

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        channel = str(data["f"]).removeprefix("reachable.")
        purpose = data.get("purpose", DEFAULT_PURPOSE)
        condition, problems = conditions.parse(data, path, (BOOLEAN,), extra=("purpose",))
        if channel not in words.CHANNELS:
            problems.append(
                Problem(
                    f"{path}/f",
                    "unknown_channel",
                    f"There is no channel {channel!r:.40}; known: {', '.join(words.CHANNELS)}.",
                )
            )
        if purpose not in words.PURPOSES:
            problems.append(
                Problem(
                    f"{path}/purpose",
                    "unknown_purpose",
                    f"There is no purpose {purpose!r:.40}; known: {', '.join(words.PURPOSES)}.",
                )
            )
        if "missing" in data and not any(each.pointer == f"{path}/missing" for each in problems):
            problems.append(
                Problem(f"{path}/missing", "unknown_key", 'Somebody is reachable or is not; leave "missing" out.')
            )
        if problems or condition is None:
            raise Problems(problems)
        return cls(channel, purpose, condition.v is not condition.negated)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        return self._allowed(now) if self.wanted else opposite(self._allowed(now))

    def seen(self, now: datetime) -> Sql:
        return join("to_jsonb({})", self._allowed(now))

    def sentence(self) -> str:
        said = (
            _("can be reached by %(channel)s for %(purpose)s")
            if self.wanted
            else _("cannot be reached by %(channel)s for %(purpose)s")
        )
        return said % {"channel": self.channel, "purpose": self.purpose}

    def needed(self) -> Any:
        return {"op": "is", "v": self.wanted}

    def mentions(self) -> frozenset[str]:
        medium = words.MEDIUM.get(self.channel)
        return frozenset({"consent"} | ({f"identifier.{medium}"} if medium else set()))

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        medium = words.MEDIUM.get(self.channel)
        ended = consent.over(last, now, self.purpose, self.channel)
        if not medium:
            return ended
        return join(
            """{} UNION SELECT i.contact_id FROM crm_suppression p
                 JOIN crm_address a ON a.medium = p.medium AND a.hash = p.hash
                 JOIN crm_identifier i ON i.address_id = a.id
               WHERE p.medium = {} AND ((p.until > {} AND p.until <= {}) OR (p.since > {} AND p.since <= {}))""",
            ended,
            medium,
            last,
            now,
            last,
            now,
        )

    def _allowed(self, now: datetime) -> Sql:
        text, params = standings.allowed_sql(self.purpose, self.channel, "marketing", now)
        return Sql(text, tuple(params))


registry.leaves.add("f.reachable", ReachableField)
