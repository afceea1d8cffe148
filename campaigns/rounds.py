"""The rounds of work of campaigns, in the order in which one tick does them."""

from __future__ import annotations

from campaigns import audience, entries, runner, sweeps
from crm import clock, registry
from crm.registry import Round


def _fold() -> int:
    return audience.fold(clock.now())


def _nothing_pending() -> int:
    return 0  # housekeeping: nobody waits for it


registry.rounds.add("campaigns.sweep", Round("campaigns.sweep", sweeps.tick, sweeps.pending), order=30)
registry.rounds.add("campaigns.entries", Round("campaigns.entries", entries.tick, entries.pending), order=31)
registry.rounds.add(runner.ROUND, Round(runner.ROUND, runner.tick, runner.pending), order=32)
registry.rounds.add("campaigns.fold", Round("campaigns.fold", _fold, _nothing_pending, every_seconds=3_600), order=90)
