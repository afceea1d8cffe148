"""Published versions as compiled plans, kept per process, and what the live ones look out for.

A version never changes, so its plan is compiled once. Which campaigns are live is asked anew
for each batch (one small query).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from campaigns import journey
from campaigns.plan import Plan
from campaigns.terms import ELIGIBILITY, Entry, ExitRule
from crm import publicids
from crm.segments import parse

MOST_KEPT = 1_000


@dataclass(frozen=True)
class Published:
    """One published version, ready to travel. `contents`: step id -> id of its words."""

    id: int
    campaign_id: int
    plan: Plan
    contents: Mapping[str, int]

    @cached_property
    def rules(self) -> Mapping[str, Any]:
        """Rule id -> parsed rule."""
        return {name: parse.parse(rule) for name, rule in self.plan.rules.items()}

    @property
    def eligibility(self) -> Any:
        return self.rules.get(ELIGIBILITY)

    @cached_property
    def names_itself(self) -> bool:
        """Do its words speak of the campaign? Only then its name travels with each message."""
        return any("campaign" in str(sending.body) for sending in self.plan.sendings())

    @cached_property
    def sends(self) -> tuple[str, ...]:
        return tuple(sending.step for sending in self.plan.sendings())


@dataclass(frozen=True)
class Door:
    """A campaign as somebody stands before it."""

    campaign_id: int
    state: str
    salt: str
    published_at: datetime
    version: Published


@dataclass
class Watching:
    """What campaigns look out for, by event name. Exits and goals hold for every version that may
    still have runs, entries for the current one of campaigns that are live or paused."""

    doors: dict[int, Door] = field(default_factory=dict)
    versions: dict[int, Published] = field(default_factory=dict)
    entries: dict[str, list[tuple[Door, Entry]]] = field(default_factory=dict)
    segments: dict[int, list[tuple[Door, Entry]]] = field(default_factory=dict)
    goals: dict[str, list[int]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    @property
    def longest_window(self) -> int:
        """Days for which an ended run may still reach its goal."""
        return max((v.plan.goal.window_days for v in self.versions.values() if v.plan.goal), default=0)


_kept: dict[int, Published] = {}
_watching: tuple[tuple[Any, ...], Watching] | None = None


def load(version_ids: Iterable[int]) -> dict[int, Published]:
    """Compiled plans by version id; one query for those not met before."""
    wanted = set(version_ids)
    missing = [each for each in wanted if each not in _kept]
    if missing:
        if len(_kept) > MOST_KEPT:
            _kept.clear()
            missing = list(wanted)
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT v.id, v.campaign_id, v.document, v.contents, c.salt::text
                   FROM campaigns_version v JOIN campaigns_campaign c ON c.id = v.campaign_id
                   WHERE v.id = ANY(%s)""",
                [missing],
            )
            for number, campaign, document, contents, salt in cursor.fetchall():
                plan = journey.compile(json.loads(document), salt=salt)
                _kept[number] = Published(number, campaign, plan, json.loads(contents))
    return {each: _kept[each] for each in wanted}


def of(version_id: int) -> Published:
    return load([version_id])[version_id]


WATCHED = """
SELECT c.id, c.state, c.salt::text, c.published_at, c.version_id, array_agg(v.id ORDER BY v.id)
FROM campaigns_campaign c JOIN campaigns_version v ON v.campaign_id = c.id
WHERE c.state <> 'draft' AND (c.ended_at IS NULL OR c.state = 'finished' OR c.ended_at > %s - interval '366 days')
GROUP BY c.id ORDER BY c.id
"""


def watching(now: datetime) -> Watching:
    """What campaigns look out for at this moment. One query; compiled again only when something changed."""
    global _watching
    with connection.cursor() as cursor:
        cursor.execute(WATCHED, [now])
        rows = tuple((*row[:5], tuple(row[5])) for row in cursor.fetchall())
    if _watching is None or _watching[0] != rows:
        _watching = (rows, _compile(rows))
    return _watching[1]


def door(campaign_id: int, now: datetime) -> Door | None:
    """The door of one campaign; None while it was never published."""
    return watching(now).doors.get(campaign_id)


def _compile(rows: Sequence[tuple[Any, ...]]) -> Watching:
    found = Watching()
    found.versions = load(version for row in rows for version in row[5])
    for campaign, state, salt, published_at, current, _ in rows:
        here = Door(campaign, state, salt, published_at, found.versions[current])
        found.doors[campaign] = here
        if state in ("live", "paused"):
            _look_for_entries(found, here)
    for version in found.versions.values():
        _look_for_ends(found, version)
    return found


def _look_for_entries(found: Watching, here: Door) -> None:
    for entry in here.version.plan.entries:
        if entry.type == "event":
            found.entries.setdefault(entry.event, []).append((here, entry))
            found.names.add(entry.event)
        elif entry.type == "segment":
            found.segments.setdefault(segment_id(entry.segment), []).append((here, entry))


def _look_for_ends(found: Watching, version: Published) -> None:
    plan = version.plan
    if plan.goal:
        found.goals.setdefault(plan.goal.watch.event, []).append(version.id)
        found.names.add(plan.goal.watch.event)
    found.names.update(exit_events(plan))
    found.names.update(name for one in plan.instructions.values() for name in one.step.hears())


def exit_events(plan: Plan) -> list[str]:
    return sorted({rule.watch.event for rule in plan.exits if rule.watch})


def segment_exits(plan: Plan) -> list[tuple[int, str, ExitRule | None]]:
    """(segment, "left" or "joined", rule): membership that ends a run; None: `leave_exits` of an entry."""
    found: list[tuple[int, str, ExitRule | None]] = [
        (segment_id(rule.segment), rule.when, rule) for rule in plan.exits if rule.segment
    ]
    found.extend((segment_id(each.segment), "left", None) for each in plan.entries if each.leave_exits)
    return found


def segment_id(text: str) -> int:
    """The number of a segment named in a document: its public id, or the number itself."""
    return int(text) if text.isdigit() else publicids.decode("seg", text)


def forget() -> None:
    """Drop what is kept (the database was replaced under this process)."""
    global _watching
    _kept.clear()
    _watching = None
