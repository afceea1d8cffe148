"""`{"f": "consent.offers.sms", "op": "is", "v": "granted"}`: what a contact said, as it stands now.

With several addresses a contact may have said several things: `is` holds if one of
them is so. Whether a message may go is another question: `reachable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from crm import permission, registry, words
from crm.errors import Problem, Problems
from crm.segments import conditions, sentences
from crm.segments.conditions import TEXT, Condition
from crm.segments.grammar import Leaf
from crm.segments.sql import Sql, every, exists, join, opposite, some

STATES: Final = (
    "unknown",
    "requested",
    "granted_unconfirmed",
    "granted",
    "soft",
    "refused",
    "withdrawn",
    "expired",
    "paused",
)
OPERATORS: Final = ("is", "is_not", "in", "not_in")


@dataclass(frozen=True)
class ConsentField(Leaf):
    purpose: str
    channel: str
    condition: Condition

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        names = str(data["f"]).split(".")[1:]
        problems = _unknown(names, f"{path}/f")
        condition, more = conditions.parse(data, path, (TEXT,))
        problems += more
        if condition and data["op"] not in (*OPERATORS, "=", "!="):
            problems.append(Problem(f"{path}/op", "unknown_operator", f"A consent takes {', '.join(OPERATORS)}."))
        if "missing" in data and not any(each.pointer == f"{path}/missing" for each in problems):
            problems.append(
                Problem(f"{path}/missing", "unknown_key", 'A consent is never missing: without one it is "unknown".')
            )
        wanted = condition.v if condition and isinstance(condition.v, tuple) else (condition.v,) if condition else ()
        problems += [
            Problem(f"{path}/v", "unknown_value", f"There is no consent {state!r}; it is one of {', '.join(STATES)}.")
            for state in wanted
            if state not in STATES
        ]
        if problems or condition is None:
            raise Problems(problems)
        return cls(names[0], names[1], condition)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        states = list(self.condition.v) if self.condition.op == "in" else [self.condition.v]
        stands = some(stands_at(state, now) for state in states)
        parts = [exists(join("{} AND ({})", self._rows(), stands))]
        if "unknown" in states:
            parts.append(opposite(exists(self._rows())))
        found = some(parts)
        return opposite(found) if self.condition.negated else found

    def seen(self, now: datetime) -> Sql:
        return join(
            "(SELECT to_jsonb(coalesce(string_agg(DISTINCT {}, ', '), 'unknown')) FROM {})", standing(now), self._rows()
        )

    def sentence(self) -> str:
        what = _("consent to %(purpose)s by %(channel)s") % {"purpose": self.purpose, "channel": self.channel}
        return sentences.compared(what, self.condition)

    def needed(self) -> Any:
        return sentences.needed(self.condition)

    def mentions(self) -> frozenset[str]:
        return frozenset({"consent"})

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        return over(last, now, self.purpose, self.channel)

    def _rows(self) -> Sql:
        return join(
            "crm_consentstate s WHERE s.contact_id = crm_contact.id AND s.purpose = {} AND s.channel = {}",
            self.purpose,
            self.channel,
        )


def standing(now: datetime) -> Sql:
    """A stored state as it stands at an instant: pauses end, a yes may run out (`permission.decide`)."""
    return join(
        """CASE WHEN s.state = 'paused' AND (s.paused_until IS NULL OR s.paused_until > {}) THEN 'paused'
             WHEN s.state IN ('granted', 'soft', 'paused') AND s.expires_at <= {} THEN 'expired'
             WHEN s.state = 'paused' THEN CASE WHEN s.basis = ANY({}) THEN 'soft' ELSE 'granted' END
             ELSE s.state END""",
        now,
        now,
        list(permission.SOFT_BASES),
    )


def stands_at(state: str, now: datetime) -> Sql:
    """Whether a row stands at one state: `standing` taken apart, because the planner can judge how
    many rows have a state, but not how many a CASE makes into one."""
    soft = list(permission.SOFT_BASES)
    ended = join("s.state = 'paused' AND s.paused_until <= {}", now)
    valid = join("(s.expires_at IS NULL OR s.expires_at > {})", now)
    if state in ("granted", "soft"):
        basis = join("s.basis = ANY({})" if state == "soft" else "s.basis <> ALL({})", soft)
        return every([some([join("s.state = {}", state), every([ended, basis])]), valid])
    if state == "expired":
        yes = some([Sql("s.state IN ('granted', 'soft')"), ended])
        return some([Sql("s.state = 'expired'"), every([yes, join("s.expires_at <= {}", now)])])
    if state == "paused":
        return join("s.state = 'paused' AND (s.paused_until IS NULL OR s.paused_until > {})", now)
    return join("s.state = {}", state)


def over(last: datetime, now: datetime, purpose: str, channel: str) -> Sql:
    """Whose yes ran out or whose pause ended in (last, now]."""
    one = """SELECT s.contact_id AS id FROM crm_consentstate s
             WHERE s.{0} > {{}} AND s.{0} <= {{}} AND s.purpose = {{}} AND s.channel = {{}}"""
    params = (last, now, purpose, channel)
    return join("{} UNION {}", join(one.format("expires_at"), *params), join(one.format("paused_until"), *params))


def _unknown(names: list[str], at: str) -> list[Problem]:
    if len(names) != 2:
        return [
            Problem(at, "unknown_field", "A consent is named consent.<purpose>.<channel>, like consent.offers.sms.")
        ]
    found = []
    if names[0] not in words.PURPOSES:
        found.append(
            Problem(at, "unknown_purpose", f"There is no purpose {names[0]!r:.40}; known: {', '.join(words.PURPOSES)}.")
        )
    if names[1] not in words.CHANNELS:
        found.append(
            Problem(at, "unknown_channel", f"There is no channel {names[1]!r:.40}; known: {', '.join(words.CHANNELS)}.")
        )
    return found


registry.leaves.add("f.consent", ConsentField)
