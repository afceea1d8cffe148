"""The work of this floor that waits in rows."""

from __future__ import annotations

from analytics import demo, rollup, running, stages
from crm import clock
from crm.registry import Round, rounds


def fall_silent() -> int:
    return stages.fall_silent(clock.now())


def silent() -> int:
    return stages.silent(clock.now())


rounds.add("analytics.stages", Round("analytics.stages", fall_silent, silent, every_seconds=60), order=30)
# Last of all: figures of what the rounds before have done.
rounds.add("analytics.rollup", Round("analytics.rollup", rollup.work, rollup.pending, every_seconds=60), order=900)
rounds.add("analytics.running", Round("analytics.running", running.work, running.pending, every_seconds=60), order=910)
rounds.add("analytics.demo", Round("analytics.demo", demo.work, demo.pending, every_seconds=5), order=890)
