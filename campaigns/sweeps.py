"""What pausing, resuming and stopping mean for many runs, done in the background by stretches.

A sweep goes through the active runs of a campaign by contact id; its cursor stands in the campaign,
so it goes on after a crash. While nothing is swept a tick costs one look at an empty index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from campaigns import runs, traces
from campaigns.types import Trace
from crm import arrays, clock, partitions

STOPPED = "stopped"
# The next sweep when one has come to its end: a pause that was lifted early is let go.
NEXT = {"hold": "", "thaw": "release", "release": "", "exit": ""}


@dataclass(frozen=True)
class Sweep:
    campaign_id: int
    kind: str
    cursor: int
    paused_at: datetime | None
    resumed_at: datetime | None


def tick(limit: int = arrays.BATCH) -> int:
    """One stretch of one campaign. Returns how many runs it went over (0: nothing to sweep)."""
    now = clock.now()
    with transaction.atomic():
        sweep = _next()
        if sweep is None:
            return 0
        found = runs.stretch(sweep.campaign_id, sweep.cursor, limit)
        if found:
            _DO[sweep.kind](sweep, found, now)
        _keep(sweep, found)
        return max(1, len(found))


def pending() -> int:
    """How many campaigns are being swept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM campaigns_campaign WHERE sweep <> ''")
        return int(cursor.fetchone()[0])


def _next() -> Sweep | None:
    """The first campaign to sweep that no other worker is at. The row itself is not locked: whoever
    pauses holds it while they wait for batches, which may wait for the runs of this stretch."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, sweep, sweep_cursor, paused_at, resumed_at FROM campaigns_campaign
               WHERE sweep <> '' ORDER BY id LIMIT 20"""
        )
        for row in cursor.fetchall():
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [partitions.LOCK_SWEEP + row[0]])
            if cursor.fetchone()[0]:
                return Sweep(*row)
    return None


def _keep(sweep: Sweep, found: list[tuple[int, int]]) -> None:
    """Note how far it has come; unless somebody paused, resumed or stopped meanwhile."""
    after = NEXT[sweep.kind] if not found else sweep.kind
    cursor_at = max((contact for contact, _ in found), default=0)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_campaign
               SET sweep = %s, sweep_cursor = %s,
                   paused_at = CASE WHEN %s = 'thaw' AND %s <> 'thaw' THEN NULL ELSE paused_at END
               WHERE id = %s AND sweep = %s AND sweep_cursor = %s""",
            [after, cursor_at, sweep.kind, after, sweep.campaign_id, sweep.kind, sweep.cursor],
        )


def _hold(sweep: Sweep, found: list[tuple[int, int]], now: datetime) -> None:
    runs.hold([run for _, run in found], sweep.paused_at or now)


def _release(sweep: Sweep, found: list[tuple[int, int]], now: datetime) -> None:
    runs.release([run for _, run in found], sweep.resumed_at or now)


def _exit(sweep: Sweep, found: list[tuple[int, int]], now: datetime) -> None:
    ended = set(runs.end([(run, STOPPED) for _, run in found], now))
    way = (Trace("", 1, "", STOPPED),)
    traces.walk([(traces.Walker(run, sweep.campaign_id, contact), way) for contact, run in found if run in ended], now)


_DO = {"hold": _hold, "thaw": _hold, "release": _release, "exit": _exit}
