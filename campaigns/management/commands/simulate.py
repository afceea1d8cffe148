"""`manage.py simulate --seeds A..B`: the pure engine under a seeded scheduler, every promise checked."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns import simulate


def seeds_of(text: str) -> range:
    """ "A..B", both included; or one seed.

    >>> seeds_of("3..5")
    range(3, 6)
    """
    first, dots, last = text.partition("..")
    try:
        low, high = int(first), int(last if dots else first)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no range of seeds; write A..B, such as 0..1999") from None
    if not 0 <= low <= high:
        raise ArgumentTypeError(f"{text!r} runs backwards or below 0; write A..B with A ≤ B")
    return range(low, high + 1)


class Command(BaseCommand):
    help = "Run the journey engine on paper: workers interleave and crash anywhere, every promise is checked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=seeds_of, default=range(200), help="A..B, both included")
        parser.add_argument("--operations", type=int, default=200, help="steps of the scheduler per seed")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        report = simulate.run(options["seeds"], options["operations"])
        for seed, why in report.broken[:20]:
            self.stderr.write(f"seed {seed}: {why}")
        self.stdout.write(
            json.dumps(
                {
                    "seeds": report.seeds,
                    "operations": report.operations,
                    "crashes": report.crashes,
                    "runs": report.runs,
                    "handed_over": report.handed_over,
                    "outcomes": report.outcomes,
                    "reasons": report.reasons,
                    "broken": len(report.broken),
                    "seconds": round(time.monotonic() - started, 1),
                }
            )
        )
        if report.broken:
            seed = report.broken[0][0]
            raise CommandError(f"{len(report.broken)} seeds broke a promise; try --seeds {seed}..{seed}")
