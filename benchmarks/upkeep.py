"""Membership of the nested rule of `benchmarks.segments` after 1 and after 1,000 people did something."""

from __future__ import annotations

import os

from benchmarks import ground, segments
from benchmarks.ground import Figure, report, stopwatch

CONTACTS = int(os.environ.get("BENCH_UPKEEP", "200000"))
TURNS = 7


def main() -> None:
    from crm.segments import edit, upkeep

    ground.people(CONTACTS)
    ground.events(CONTACTS, 5 * CONTACTS)
    edit.create("Nested", segments.NESTED, actor="bench", now=segments.NOW)
    for count, target in ((1, "≤ 5 ms"), (1_000, "≤ 25 ms")):
        times = []
        for turn in range(TURNS):
            ids = list(range(1 + turn * count, 1 + (turn + 1) * count))
            with stopwatch() as took:
                upkeep.refresh(ids, {"event:Order Completed"}, segments.NOW, "bench")
            times.append(took[0] * 1000)
        report(Figure(f"upkeep of one segment after {count:,} changed", sorted(times)[TURNS // 2], None, "ms", target))
