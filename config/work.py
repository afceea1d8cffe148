"""Doing the rounds: the work that waits in rows, for tasks and for commands alike."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from crm import clock
from crm.registry import Round, rounds

log = logging.getLogger(__name__)


@dataclass
class Tally:
    """How many rows each round moved, and what is still due."""

    moved: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int) -> None:
        self.moved[name] = self.moved.get(name, 0) + count


def run(name: str, budget: float) -> int:
    """Do the round called `name` until nothing of it is due or `budget` seconds are over.

    Between its batches the rounds before it that look every second get one batch
    each: an event is answered at once even while every worker is busy sending.
    Returns the rows moved by the round itself.
    """
    mine = rounds.get(name)
    if mine is None:
        raise LookupError(f"There is no round called {name!r}.")
    pressing = _before(mine)
    end = time.monotonic() + budget
    moved = 0
    while time.monotonic() < end:
        clock.refresh()
        for earlier in pressing:
            earlier.work()
        count = mine.work()
        if not count:
            break
        moved += count
    return moved


def tick() -> Tally:
    """One batch of every round, in order."""
    tally = Tally()
    clock.refresh()
    for name, each in rounds.items():
        tally.add(name, each.work())
    return tally


def drain(timeout: float) -> Tally:
    """Tick until nothing is due or leased anywhere, or `timeout` seconds are over.

    What is still pending at the end stands in the tally (all zeros: idle).
    """
    total = Tally()
    end = time.monotonic() + timeout
    while True:
        done = tick()
        for name, count in done.moved.items():
            total.add(name, count)
        total.pending = {name: each.pending() for name, each in rounds.items()}
        if not any(total.pending.values()) or time.monotonic() >= end:
            return total
        if not any(done.moved.values()):
            time.sleep(0.05)  # a lease of somebody else, or a back-off: only time helps


def _before(mine: Round) -> list[Round]:
    ordered = list(rounds)
    return [each for each in ordered[: ordered.index(mine)] if each.every_seconds <= 1]
