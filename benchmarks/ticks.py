"""A tick costs what is due, not what waits: the same 500 due runs beside 10k, 100k and 1M waiting ones."""

from __future__ import annotations

import os

from benchmarks import ground
from benchmarks.ground import Figure, report, stopwatch
from benchmarks.runs import publish

SIZES = [int(size) for size in os.environ.get("BENCH_WAITING", "10000,100000,1000000").split(",")]
DUE = 500
DOCUMENT = {
    "name": "Patience", "purpose": "offers", "class": "marketing", "holdout_pct": 0,
    "entry": [{"type": "manual", "reentry": "always"}],
    "steps": [
        {"id": "wait", "type": "wait.duration", "config": {"value": 30, "unit": "days"}},
        {"id": "end", "type": "exit", "config": {"outcome": "completed"}},
    ],
}  # fmt: skip
WAITING = """
INSERT INTO campaigns_enrolment (campaign_id, version_id, contact_id, key, lane, entry_seq, state, step, port, due_at,
  entry, entry_occurred_at, entered_at, rested_at)
SELECT %(campaign)s, %(version)s, n, %(key)s, %(key)s, 1, 'waiting', 'wait', 'next',
  %(due)s + make_interval(secs => n %% 2000000), '{}', %(now)s, %(now)s, %(now)s
FROM generate_series(%(first)s, %(last)s) n
"""


def main() -> None:
    from datetime import timedelta

    from config import work
    from crm import clock, partitions

    ground.people(1_000)
    partitions.ensure_months("campaigns_visit", [clock.now()])
    campaign = publish(DOCUMENT)
    shared = {"campaign": campaign.pk, "version": campaign.version_id}
    waiting, first = 0, None
    for size in SIZES:
        now = clock.now()
        ground.sql(
            WAITING,
            shared | {"key": "w", "due": now + timedelta(days=1), "now": now, "first": waiting + 1, "last": size},
        )
        ground.sql("ANALYZE campaigns_enrolment")
        waiting = size
        work.drain(60)
        times = []
        for turn in range(5):
            now = clock.now()
            ground.sql(WAITING, shared | {"key": f"d{size}-{turn}", "due": now - timedelta(days=30), "now": now,
                                          "first": 1, "last": DUE})  # fmt: skip
            with stopwatch() as took:
                work.tick()
            times.append(took[0])
            work.drain(60)
        best = min(times) * 1000
        first = first or best
        report(Figure(f"tick with {DUE} due beside {size:,} waiting", best, first, "ms", "≤ 1.5 × that beside 10,000"))
