"""What last week would have been under other sending rules: its hand-offs, judged once more, by both.

Old and new rules are judged on the same facts by the same judge, so that only what they change is counted.
Where the week was large, whole people are left out evenly, and the figures are "about".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from django.db import connection

from channels import gate, limits, states
from channels.types import Defer, Go, Verdict
from crm import sending, whereabouts
from crm.permission import Standing

WEEK: Final = timedelta(days=7)
# Messages that are looked at; beyond that a share of the people stands for all.
MOST: Final = 10_000
# What rules alone decide: with these reasons a message that was stopped might have gone.
BY_RULES: Final = ("cap", "quiet_hours", "legal_rule", "lost_to")
# Longer than a message is planned ahead of its hand-off.
AHEAD: Final = timedelta(days=30)

COUNT: Final = "SELECT count(*) FROM channels_message WHERE counted_at > %s AND message_class = 'marketing'"
ROWS: Final = """
SELECT m.id, m.contact_id, m.channel, m.purpose, m.campaign_id, m.exclusion_group,
       coalesce(m.counted_at, m.due_at), m.counted_at IS NOT NULL, m.expires_at, m.judged->>'basis', r.method,
       r.action = 'confirmed'
FROM channels_message m
LEFT JOIN crm_consentreceipt r ON r.id = (m.judged->>'receipt')::bigint
WHERE m.message_class = 'marketing' AND NOT m.held_out AND m.contact_id %% %s = 0
  AND (m.counted_at > %s OR (m.created_at > %s AND m.state = ANY(%s) AND m.reason = ANY(%s) AND m.due_at > %s))
ORDER BY m.contact_id, 7, m.priority DESC, m.id"""


@dataclass(frozen=True, slots=True)
class Past:
    """A message of the last weeks. `went`: it was handed over; else rules had stopped it."""

    id: int
    contact_id: int
    channel: str
    purpose: str
    campaign: int | None
    group: str
    at: datetime
    went: bool
    expires_at: datetime | None
    basis: str | None
    method: str | None
    confirmed: bool | None


@dataclass
class Change:
    """What would have been otherwise. `looked_at`: messages of the week; `about`: they stand for more.

    `stopped`, `later`: reason → messages that went and would not have, or later; `rules`: how often each rule
    of a pack would have stood in the way anew. `freed`: that would have gone, or sooner.
    """

    looked_at: int = 0
    about: bool = False
    stopped: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    freed: int = 0

    @property
    def is_nothing(self) -> bool:
        return not (self.stopped or self.later or self.freed)


def of(before: sending.Rules, after: sending.Rules, now: datetime) -> Change:
    """The difference a change of rules would have made to the last seven days. Three queries."""
    houses = limits.house(before), limits.house(after)
    start = now - WEEK
    every = _every(start)
    past = _read(start - max(house.horizon for house in houses), start, every, now)
    people = whereabouts.people(sorted({each.contact_id for each in past}))
    change = Change(about=every > 1)
    for contact, rows in groupby(past, key=lambda each: each.contact_id):
        person = people.get(contact, whereabouts.NOBODY)
        theirs = list(rows)
        then, now_ = (_judged(theirs, person, house, start) for house in houses)
        _compare(change, then, now_)
    return _scaled(change, every)


def _every(start: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [start])
        count = int(cursor.fetchone()[0])
    return -(-count // MOST) or 1


def _read(since: datetime, start: datetime, every: int, now: datetime) -> list[Past]:
    stopped = [states.BLOCKED, states.EXPIRED]
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [every, since, now - AHEAD, stopped, list(BY_RULES), start])
        return [Past(*row) for row in cursor.fetchall()]


def _judged(
    past: Iterable[Past], person: whereabouts.Person, house: gate.House, start: datetime
) -> list[tuple[Past, Verdict]]:
    """The week of one person under one set of rules; what went before it counts as it was."""
    counted: list[gate.Counted] = []
    found: list[tuple[Past, Verdict]] = []
    for each in past:
        if each.at <= start:
            counted.append(_count(each, each.at))
            continue
        verdict = gate.judge(_facts(each, person, counted), house, each.at)
        if isinstance(verdict, Go):
            counted.append(_count(each, each.at))
        elif isinstance(verdict, Defer):
            counted.append(_count(each, verdict.until))
        found.append((each, verdict))
    return found


def _count(each: Past, at: datetime) -> gate.Counted:
    return gate.Counted(at, each.channel, each.purpose, each.group, each.campaign)


def _facts(each: Past, person: whereabouts.Person, counted: Sequence[gate.Counted]) -> gate.Facts:
    place = person.place()
    return gate.Facts(
        channel=each.channel, message_class=gate.MARKETING, standing=_standing(each), zone=person.zone,
        expires_at=each.expires_at, counted=[one for one in counted if one.at <= each.at], purpose=each.purpose,
        country=place.country, region=place.region, zones=person.zones(), campaign=each.campaign, group=each.group,
        template=True,
    )  # fmt: skip


def _standing(each: Past) -> Standing:
    """They might be written to then: what they said is not what changes."""
    return Standing(
        state="granted", basis=each.basis or "consent", method=each.method or "web_form",
        confirmed=bool(each.confirmed), expires_at=each.at + WEEK,
    )  # fmt: skip


def _compare(change: Change, then: Sequence[tuple[Past, Verdict]], now: Sequence[tuple[Past, Verdict]]) -> None:
    for (_each, old), (_same, new) in zip(then, now, strict=True):
        change.looked_at += 1
        if _rank(new) == _rank(old):
            continue
        if _rank(new) < _rank(old):
            change.freed += 1
            continue
        detail: dict[str, Any] = dict(getattr(new, "detail", None) or {})
        (change.later if isinstance(new, Defer) else change.stopped)[getattr(new, "reason", "")] += 1
        if detail.get("rule"):
            change.rules[detail["rule"]] += 1


def _rank(verdict: Verdict) -> int:
    """It goes, later, or never."""
    return 0 if isinstance(verdict, Go) else 1 if isinstance(verdict, Defer) else 2


def _scaled(change: Change, every: int) -> Change:
    def up(counts: Counter[str]) -> Counter[str]:
        return Counter({key: count * every for key, count in counts.items()})

    return replace(
        change, looked_at=change.looked_at * every, stopped=up(change.stopped), later=up(change.later),
        rules=up(change.rules), freed=change.freed * every,
    )  # fmt: skip
