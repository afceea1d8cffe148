"""Entries that wait for a moment: until it has been quiet, until a date, or for a whole segment.

A segment or a schedule comes in by stretches of contact ids, each its own transaction; the cursor
stands in the occurrence, so a killed worker goes on from there. The one writer of Occurrence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns import audience, plans
from campaigns.audience import Candidate
from campaigns.plans import Door
from campaigns.terms import Entry
from crm import arrays, clock, moments, workspace

# The one occurrence of a segment that is let in as it stands at publishing.
CURRENT = "current"
# How long after its moment a schedule still fires (a worker was down, a segment is being built).
PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class Occurrence:
    """One firing that is under way."""

    id: int
    campaign_id: int
    version_id: int
    entry_index: int
    local: str
    zone: str
    due_at: datetime
    cursor: int


def tick() -> int:
    """One batch of each: entries that were quiet long enough, and stretches of what is due."""
    now = clock.now()
    return fire_pending(now) + fire_occurrence(now)


def pending() -> int:
    """How many entries are due at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT count(*) FROM campaigns_pendingentry WHERE due_at <= %s)
                    + (SELECT count(*) FROM campaigns_occurrence WHERE done_at IS NULL AND due_at <= %s)""",
            [clock.now(), clock.now()],
        )
        return int(cursor.fetchone()[0])


# --- debounced entries -------------------------------------------------------------------------


def fire_pending(now: datetime, limit: int = 500) -> int:
    """Start the entries that have been quiet until now."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """DELETE FROM campaigns_pendingentry WHERE id IN (
                     SELECT id FROM campaigns_pendingentry WHERE due_at <= %s
                     ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
                   RETURNING campaign_id, entry_index, contact_id, key, event, entry, occurred_at""",
                [now, limit],
            )
            rows = cursor.fetchall()
        if not rows:
            return 0
        doors = plans.watching(now).doors
        coming: dict[int, list[Candidate]] = {}
        for campaign, index, contact, key, event, entry, occurred in sorted(rows, key=lambda row: (row[6], row[4])):
            door = doors.get(campaign)
            if door:
                how = _entry(door, index)
                candidate = Candidate(contact, how, occurred, key, event, json.loads(entry))
                coming.setdefault(campaign, []).append(candidate)
        for campaign, candidates in sorted(coming.items()):
            audience.enter(doors[campaign], candidates, now)
    return len(rows)


def _entry(door: Door, index: int) -> Entry:
    """An entry by its place; a newer version may have fewer."""
    entries = door.version.plan.entries
    return entries[index] if index < len(entries) else entries[0]


# --- segments and schedules ----------------------------------------------------------------------


def open_for(door: Door, now: datetime) -> int:
    """Make the occurrences of a version that was just published. Answers how many there are."""
    rows: list[tuple[Any, ...]] = []
    for entry in door.version.plan.entries:
        if entry.type == "segment" and entry.mode != "joins":
            rows.append((door.campaign_id, door.version.id, entry.index, CURRENT, "", now))
        elif entry.type == "schedule" and entry.at is not None:
            rows.extend(_moments(door, entry, now))
    with connection.cursor() as cursor:
        # What an earlier version had planned and has not begun is planned anew.
        cursor.execute(
            "DELETE FROM campaigns_occurrence WHERE campaign_id = %s AND done_at IS NULL AND cursor = 0",
            [door.campaign_id],
        )
    return _insert(rows)


def close_for(campaign_id: int, now: datetime) -> None:
    """Nobody comes in any more: what waits for quiet or for a date is let go."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM campaigns_pendingentry WHERE campaign_id = %s", [campaign_id])
        cursor.execute(
            "UPDATE campaigns_occurrence SET done_at = %s WHERE campaign_id = %s AND done_at IS NULL",
            [now, campaign_id],
        )


def withdraw(campaign_id: int, version_id: int, now: datetime, *, everything: bool) -> None:
    """A version is taken back before anybody came in by it: its dates are not kept. `everything`: no
    version is left, so nobody waits to come in either."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM campaigns_occurrence WHERE campaign_id = %s AND version_id = %s", [campaign_id, version_id]
        )
    if everything:
        close_for(campaign_id, now)


def _moments(door: Door, entry: Entry, now: datetime) -> list[tuple[Any, ...]]:
    """A schedule in the workspace's zone, or in each zone that its people live in."""
    at = entry.at
    if at is None:
        return []
    zones = [""] if entry.zone == "workspace" else _zones(plans.segment_id(entry.segment))
    found = []
    for zone in zones:
        due = moments.at_local(at.date(), at.time(), zone or workspace.current().zone)
        if due < now and entry.if_past == "skip":
            continue
        found.append((door.campaign_id, door.version.id, entry.index, at.isoformat(), zone, max(due, now)))
    return found


def _zones(segment: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT c.zone FROM crm_segmentmember m JOIN crm_contact c ON c.id = m.contact_id
               WHERE m.segment_id = %s ORDER BY 1""",
            [segment],
        )
        return [zone for (zone,) in cursor.fetchall()]


def _insert(rows: Sequence[tuple[Any, ...]]) -> int:
    columns = {
        "campaign_id": "bigint",
        "version_id": "bigint",
        "entry_index": "smallint",
        "local": "text",
        "zone": "text",
        "due_at": "timestamptz",
        "cursor": "bigint",
        "audience": "int",
    }
    made = arrays.insert(
        "campaigns_occurrence", columns, [(*row, 0, 0) for row in rows], conflict="DO NOTHING", returning="id"
    )
    return len(made)


def fire_occurrence(now: datetime, limit: int = arrays.BATCH) -> int:
    """Let in the next stretch of one occurrence that is due. Answers how many people were considered."""
    with transaction.atomic():
        occurrence = _claim(now)
        if occurrence is None:
            return 0
        door = plans.door(occurrence.campaign_id, now)
        state = audience.lock_open(occurrence.campaign_id)
        if door is None or state not in ("live", "paused"):
            _close(occurrence.id, now)
            return 1
        if state == "paused":
            _later(occurrence.id, now + timedelta(minutes=1))
            return 0
        return _let_in(occurrence, door, now, limit)


def _let_in(occurrence: Occurrence, door: Door, now: datetime, limit: int) -> int:
    here = plans.load([occurrence.version_id])[occurrence.version_id]
    entry = here.plan.entries[occurrence.entry_index]
    segment = plans.segment_id(entry.segment)
    if not _is_built(segment) and now < occurrence.due_at + PATIENCE:
        _later(occurrence.id, now + timedelta(seconds=5))
        return 0
    if occurrence.zone and not occurrence.cursor:
        # Somebody may have moved to a zone that nobody lived in when this was published.
        _insert(_moments(door, entry, now))
    contacts = _stretch(segment, occurrence.zone, occurrence.cursor, limit)
    known: dict[str, Any] | None = None
    if occurrence.local != CURRENT:
        known = {"event": "", "id": None, "occurred_at": now.isoformat(), "properties": {}, "edition": occurrence.local}
    audience.enter(door, [Candidate(contact, entry, now, facts=known) for contact in contacts], now)
    _advance(occurrence, contacts, now, done=len(contacts) < limit)
    return max(1, len(contacts))


def _claim(now: datetime) -> Occurrence | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, campaign_id, version_id, entry_index, local, zone, due_at, cursor FROM campaigns_occurrence
               WHERE done_at IS NULL AND due_at <= %s ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED""",
            [now],
        )
        row = cursor.fetchone()
        return Occurrence(*row) if row else None


def _is_built(segment: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT built_revision >= revision FROM crm_segment WHERE id = %s", [segment])
        row = cursor.fetchone()
        return bool(row and row[0])


def _stretch(segment: int, zone: str, after: int, limit: int) -> list[int]:
    """The next members by contact id, of one zone or of all."""
    condition = "AND c.zone = %s" if zone else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT m.contact_id FROM crm_segmentmember m JOIN crm_contact c ON c.id = m.contact_id
                WHERE m.segment_id = %s AND m.contact_id > %s {condition}
                ORDER BY m.contact_id LIMIT %s""",  # noqa: S608 - our own words
            [segment, after, *([zone] if zone else []), limit],
        )
        return [contact for (contact,) in cursor.fetchall()]


def _advance(occurrence: Occurrence, contacts: Sequence[int], now: datetime, *, done: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_occurrence
               SET cursor = %s, audience = audience + %s, done_at = CASE WHEN %s THEN %s::timestamptz END
               WHERE id = %s""",
            [contacts[-1] if contacts else occurrence.cursor, len(contacts), done, now, occurrence.id],
        )


def _close(occurrence_id: int, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_occurrence SET done_at = %s WHERE id = %s", [now, occurrence_id])


def _later(occurrence_id: int, until: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_occurrence SET due_at = %s WHERE id = %s", [until, occurrence_id])
