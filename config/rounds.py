"""The work of the set-up that waits in rows."""

from __future__ import annotations

from config import demo_job
from crm.registry import Round, rounds

rounds.add(demo_job.ROUND, Round(demo_job.ROUND, demo_job.work, demo_job.pending, every_seconds=5), order=880)
