"""Somebody is taken out of all processing: their runs end where they are, and what waits to begin is let go.

In the transaction that restricts or erases them, in the order in which all floors lock: entries that wait, then
runs; their messages are taken back after it (`channels.outbox.revocation.stop`). Nothing of it is counted away: who
was in a campaign stays counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from campaigns import runs, traces
from campaigns.types import Trace

REMOVED: Final = "removed"


def stop(contact_ids: Sequence[int], now: datetime) -> None:
    """End what is under way for these contacts. A run that just began unseen is ended by the runner."""
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM campaigns_pendingentry WHERE id IN (
                 SELECT id FROM campaigns_pendingentry WHERE contact_id = ANY(%s) ORDER BY id FOR UPDATE)""",
            [list(contact_ids)],
        )
    runs.lock(contact_ids)
    active = {run.id: run for run in runs.standing(contact_ids, [], now)}
    gone = runs.end([(number, REMOVED) for number in active], now)
    ways = [
        (traces.Walker(run.id, run.campaign_id, run.contact_id), (Trace(run.step, 1, "", REMOVED),))
        for run in (active[number] for number in sorted(gone))
    ]
    traces.walk(ways, now)
