"""The only shell of the engine: claim due runs, gather facts, advance them, write the result.

One call of `tick()` is one batch in one transaction, without network. How much it does depends
on what is due, never on what waits.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from django.db import DatabaseError, OperationalError, connection, transaction

from campaigns import audience, effects, facts, plans, runs, stops, traces
from campaigns.plans import Published
from campaigns.repeats import Repeats
from campaigns.runs import Claimed, Listening, Shape
from campaigns.traces import Walker
from campaigns.types import Advance, Again, InEffect, Trace, Wait
from crm import arrays, bell, clock, collector

log = logging.getLogger(__name__)

ROUND = "campaigns.run"
# A run over which the engine failed is looked at again after this long, and says so in its trace.
LATER = timedelta(minutes=15)
OPEN = ("live", "finished")


@dataclass
class Batch:
    """What a batch of runs comes to, before it is written."""

    now: datetime
    moved: list[tuple[Claimed, Shape, bool]] = field(default_factory=list)
    ways: list[tuple[Walker, tuple[Trace, ...]]] = field(default_factory=list)
    listening: list[Listening] = field(default_factory=list)
    asked: effects.Asked = field(default_factory=effects.Asked)
    broken: list[int] = field(default_factory=list)
    again: bool = False

    def put(self, row: Claimed, shape: Shape, way: tuple[Trace, ...], *, sent: bool = False) -> None:
        self.moved.append((row, shape, sent))
        self.ways.append((Walker(row.id, row.campaign_id, row.contact_id), way))


def tick(limit: int = arrays.BATCH) -> int:
    """Bring one batch of due runs to their next rest. Returns how many were taken up."""
    now = clock.now()
    while True:
        try:
            with collector.resting(), transaction.atomic():
                return _tick(limit, now)
        except traces.Redealt:
            # Fewer at a time: two runs of one contact in one batch must not meet again.
            limit = max(1, limit // 8)
        except OperationalError:
            raise  # a deadlock or a lost connection: nothing is wrong with these runs
        except (DatabaseError, ArithmeticError, LookupError, TypeError, ValueError):
            log.exception("batch failed", extra={"event": "runs_failed", "limit": limit})
            if limit == 1:
                return _postpone_first(now)
            limit = max(1, limit // 8)


def pending() -> int:
    """How many runs are due at this moment."""
    return runs.pending(clock.now(), _closed())


def _tick(limit: int, now: datetime) -> int:
    claimed = runs.claim(limit, now, _closed())
    if not claimed:
        return 0
    states = audience.lock_all_open(sorted({row.campaign_id for row in claimed}))
    # Paused or stopped between the two statements: left as it is, the background takes it.
    going = sorted((row for row in claimed if states.get(row.campaign_id) in OPEN), key=lambda row: row.version_id)
    known = plans.load({row.version_id for row in going})
    batch = Batch(now)
    for row in going:
        if row.removed:
            _remove(batch, row)
    staying = [row for row in going if not row.removed]
    for version, rows in groupby(staying, key=lambda row: row.version_id):
        _advance(batch, known[version], list(rows))
    _write(batch)
    return len(claimed)


def _closed() -> list[int]:
    """Campaigns whose runs must not move, though the background may not have frozen them yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM campaigns_campaign
               WHERE state = 'paused' OR sweep = 'thaw' OR (state = 'stopped' AND sweep <> '')"""
        )
        return [campaign for (campaign,) in cursor.fetchall()]


def _advance(batch: Batch, version: Published, rows: Sequence[Claimed]) -> None:
    known = facts.gather(version, rows, batch.now)
    repeats = Repeats(version.plan, batch.now)
    shapes: dict[int, Shape] = {}
    for row, happened in known.goals:
        goal = effects.reached(version.plan, row, happened.event, happened.properties, happened.at)
        if goal:
            batch.asked.goals.append(goal)
    for row in rows:
        ended = known.ended.get(row.id)
        if ended:
            _end(batch, row, ended)
            continue
        try:
            answer = repeats.advance(row, known.facts[row.id])
        except Exception as error:
            log.exception("engine failed", extra={"event": "run_failed", "run_id": row.id})
            _break(batch, row, error)
            continue
        shape = shapes.get(id(answer))
        if shape is None:
            shape = shapes[id(answer)] = shape_of(answer, batch.now)
        _take(batch, version, row, answer, shape)


def _take(batch: Batch, version: Published, row: Claimed, answer: Advance, shape: Shape) -> None:
    rest = answer.rest
    if answer.effects:
        batch.asked.add(row, version, answer.effects, batch.now)
    if isinstance(rest, Wait):
        batch.listening.extend(
            Listening(
                row.id,
                row.contact_id,
                each.event,
                each.match_path,
                each.match_value,
                each.branch,
                each.port,
                each.since,
            )
            for each in rest.listens
        )
    elif isinstance(rest, Again):
        batch.again = True
    batch.put(row, shape, answer.trace, sent=isinstance(rest, InEffect))


def shape_of(answer: Advance, now: datetime) -> Shape:
    """Where a page leaves its run."""
    loops = arrays.text(dict(answer.loops)) if answer.loops else None
    rest = answer.rest
    if isinstance(rest, Wait):
        return Shape(runs.WAITING, rest.step, rest.port, rest.until, answer.since, loops, "", None)
    if isinstance(rest, InEffect):
        return Shape(runs.IN_EFFECT, rest.step, "", None, answer.since, loops, "", None)
    if isinstance(rest, Again):
        return Shape(runs.DUE, rest.step, rest.port, now, answer.since, loops, "", None)
    last = answer.trace[-1].step if answer.trace else ""
    return Shape(runs.DONE, last, "", None, answer.since, loops, rest.outcome, now)


def _end(batch: Batch, row: Claimed, ended: facts.Ended) -> None:
    """Something ended it before its first page (decision B2)."""
    shape = Shape(runs.DONE, row.step, "", None, row.rested_at, row.loops, ended.outcome, batch.now)
    detail = {"exit": ended.exit, "event": ended.event}
    batch.put(row, shape, (Trace(row.step, 1, "", "exit_rule", detail),))


def _remove(batch: Batch, row: Claimed) -> None:
    """It began in the moment in which its contact was taken out of all processing (`campaigns.stops`)."""
    shape = Shape(runs.DONE, row.step, "", None, row.rested_at, row.loops, stops.REMOVED, batch.now)
    batch.put(row, shape, (Trace(row.step, 1, "", stops.REMOVED),))


def _break(batch: Batch, row: Claimed, error: Exception) -> None:
    """A mistake of ours over one run stops nobody else: it says so and is looked at later."""
    batch.broken.append(row.id)
    line = Trace(row.step, 1, row.port, "error", {"error": f"{type(error).__name__}: {error}"[:500]})
    batch.ways.append((Walker(row.id, row.campaign_id, row.contact_id), (line,)))


def _write(batch: Batch) -> None:
    """All that the batch comes to, in a number of statements that does not depend on its size."""
    now = batch.now
    heard = [row.id for row, _, _ in batch.moved if row.state == runs.WAITING]
    messages = effects.carry_out(batch.asked, now)
    if batch.moved:
        runs.write([(row.id, shape, messages[row.id] if sent else None) for row, shape, sent in batch.moved])
    runs.deafen(heard)
    runs.listen(batch.listening)
    traces.walk(batch.ways, now)
    if batch.broken:
        runs.postpone(batch.broken, now + LATER)
    if batch.again:
        bell.ring(ROUND)


def _postpone_first(now: datetime) -> int:
    """The one run that the database refuses to move."""
    with transaction.atomic():
        claimed = runs.claim(1, now, _closed())
        batch = Batch(now)
        for row in claimed:
            _break(batch, row, RuntimeError("the database refused what this run came to"))
        _write(batch)
    return len(claimed)
