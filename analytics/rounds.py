"""The work of this floor that waits in rows."""

from __future__ import annotations

from analytics import stages
from crm import clock
from crm.registry import Round, rounds


def fall_silent() -> int:
    return stages.fall_silent(clock.now())


def silent() -> int:
    return stages.silent(clock.now())


rounds.add("analytics.stages", Round("analytics.stages", fall_silent, silent, every_seconds=60), order=30)
