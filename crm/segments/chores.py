"""What keeps members right between events: the queue of changed contacts, the clock, edited
rules, and a look over everything once a day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from crm import clock
from crm.models import Segment
from crm.segments import live, upkeep
from crm.segments.live import Live
from crm.segments.sql import join
from crm.segments.upkeep import SHARDS, Touched

log = logging.getLogger(__name__)

DIRTY_BATCH: Final = 2_000
# More waiting contacts than this, and every segment is asked about everybody once instead.
FLOOD: Final = 50_000
DAY: Final = timedelta(days=1)
TIME: Final = "time"


def work() -> int:
    """One bounded batch of each; how many rows it moved."""
    now = clock.now()
    return build(now) + drain(now) + follow_time(now)


def pending() -> int:
    """What is due at this moment."""
    now = clock.now()
    segments = live.segments()
    due = sum(1 for segment in segments if not segment.built or _late(segment, now))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT FROM crm_dirty LIMIT %s) AS few", [FLOOD])
        return due + int(cursor.fetchone()[0])


def build(now: datetime) -> int:
    """Make the members of one segment whose rule was edited, after those it asks about."""
    due = [segment for segment in live.segments() if not segment.built]
    if due:
        upkeep.refresh_full(due[0].id, now)
    return len(due[:1])


def drain(now: datetime) -> int:
    """Answer changed contacts, oldest first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT FROM crm_dirty LIMIT %s) AS few", [FLOOD])
        if int(cursor.fetchone()[0]) >= FLOOD:
            return _flood()
        # A look without locks says whose shards to lock; the locks come first, as for everybody.
        cursor.execute(
            f"SELECT DISTINCT contact %% {SHARDS} FROM (SELECT contact FROM crm_dirty ORDER BY id LIMIT %s) d",  # noqa: S608
            [DIRTY_BATCH],
        )
        shards = sorted(shard for (shard,) in cursor.fetchall())
        if not shards:
            return 0
        upkeep.lock(shards)
        cursor.execute(
            f"""DELETE FROM crm_dirty WHERE id IN (
                  SELECT id FROM crm_dirty WHERE contact %% {SHARDS} = ANY(%s)
                  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING contact, mention""",  # noqa: S608 - a number of our own
            [shards, DIRTY_BATCH],
        )
        rows = cursor.fetchall()
        touched = Touched()
        for contact, mention in rows:
            touched.add(mention, contact)
        upkeep.follow(touched, now)
        return len(rows)


def follow_time(now: datetime) -> int:
    """Ask again whoever time alone may have moved since the last look. How many segments were looked at."""
    due = [segment for segment in live.segments() if _late(segment, now)]
    quiet: list[int] = []
    for segment in due:
        moved = _flipped(segment, now)
        if moved is None:
            upkeep.refresh_full(segment.id, now, TIME)
        elif moved:
            _reconsider(segment.id, moved, now, TIME)
        else:
            quiet.append(segment.id)
    _looked(quiet, now)
    return len(due)


def check(segment_id: int, now: datetime) -> int:
    """Compare the members of one segment with a full answer, mend what is different, say how much it was."""
    different = [contact for contact, _ in upkeep.drift(segment_id, now)]
    if len(different) > upkeep.MANY:
        upkeep.refresh_full(segment_id, now, "drift")
    elif different:
        _reconsider(segment_id, different, now, "drift")
    if different:
        log.warning(
            "segment had drifted", extra={"event": "segment_drift", "segment": segment_id, "contacts": len(different)}
        )
    Segment.objects.filter(pk=segment_id).update(as_of=now)
    return len(different)


def nightly() -> int:
    """Check one segment that has not been compared in full for a day."""
    now = clock.now()
    due = _unchecked(now)
    if not due:
        return 0
    _analyse()
    check(due[0], now)
    return 1


def nightly_pending() -> int:
    return len(_unchecked(clock.now()))


def _late(segment: Live, now: datetime) -> bool:
    """Time is to be followed for it: its pace is over, or the clock was moved back (decision B4)."""
    if not segment.built or segment.scanned_to is None or not segment.rule.follows_time():
        return False
    return segment.scanned_to <= now - timedelta(seconds=segment.rule.pace()) or _moved_back(segment, now)


def _moved_back(segment: Live, now: datetime) -> bool:
    return segment.scanned_to is not None and segment.scanned_to > now + upkeep.SKEW


def _flipped(segment: Live, now: datetime) -> list[int] | None:
    """Whom time may have moved in this segment; None: too many to ask one by one."""
    if segment.scanned_to is None or _moved_back(segment, now):
        return None
    questions = segment.rule.flips(segment.scanned_to, now)
    if not questions:
        return []
    asked = join(
        "SELECT DISTINCT id FROM (" + " UNION ALL ".join("({})" for _each in questions) + ") f(id) LIMIT {}",  # noqa: S608
        *questions,
        upkeep.MANY + 1,
    )
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        found = [contact for (contact,) in cursor.fetchall()]
    return found if len(found) <= upkeep.MANY else None


def _reconsider(segment_id: int, contacts: Sequence[int], now: datetime, why: str) -> None:
    with transaction.atomic():
        upkeep.lock(contacts)
        segments = [segment for segment in live.segments() if segment.built]
        if any(segment.id == segment_id for segment in segments):
            upkeep.reconsider(segments, {segment_id: set(contacts)}, now, upkeep.because(why))
        _looked([segment_id], now)


def _looked(numbers: Sequence[int], now: datetime) -> None:
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE crm_segment SET scanned_to = %s WHERE id = ANY(%s)", [now, list(numbers)])


def _flood() -> int:
    """So many changed (an import) that asking about everybody is cheaper. In the caller's transaction:
    the queue is emptied only together with the order to build."""
    upkeep.lock_all()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_dirty")
        emptied = int(cursor.rowcount)
    upkeep.make_anew([segment.id for segment in live.segments()])
    return emptied


def _unchecked(now: datetime) -> list[int]:
    return [
        segment.id
        for segment in live.segments()
        if segment.built and (segment.as_of is None or segment.as_of <= now - DAY or segment.as_of > now + upkeep.SKEW)
    ]


def _analyse() -> None:
    """Autovacuum never looks at a partitioned parent, and the planner guesses badly without; once a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT FROM pg_stat_user_tables
               WHERE relname = 'crm_event' AND last_analyze > clock_timestamp() - interval '20 hours'"""
        )
        if cursor.fetchone() is None:
            cursor.execute("ANALYZE crm_event")
