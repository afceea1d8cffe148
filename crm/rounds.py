"""The work of this floor that waits in rows."""

from __future__ import annotations

from crm import timeline
from crm.registry import Round, rounds
from crm.segments import chores

rounds.add(timeline.ROUND, Round(timeline.ROUND, timeline.drain, timeline.pending, every_seconds=1), order=10)
rounds.add("crm.segments", Round("crm.segments", chores.work, chores.pending, every_seconds=5), order=20)
rounds.add(
    "crm.segments.nightly",
    Round("crm.segments.nightly", chores.nightly, chores.nightly_pending, every_seconds=600),
    order=200,
)
