"""The timeline: every fact is one event, told once and answered by all floors after commit.

`record()` writes events; `drain()` lets the reactors answer them, one drainer per
shard at a time, in the order recorded (decisions B2, B14). An event that fails alone
is parked with its error, so that it stops nobody behind it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from crm import arrays, bell, collector, partitions, registry

log = logging.getLogger(__name__)

ROUND = "crm.react"
SHARDS = 16
BATCH = 500
# A turn that the database itself broke off (deadlock, timeout) is taken again this often
# before its events are suspected one by one.
PATIENCE = 5


@dataclass(frozen=True)
class NewFact:
    """Something to tell. `event_id` makes it once for ever; `historic` folds but starts nothing."""

    contact_id: int
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    event_id: str | None = None
    channel: str = ""
    source: str = ""
    session: str = ""
    campaign_ref: int | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    historic: bool = False


@dataclass(frozen=True)
class Fact:
    """A recorded event as the reactors get it."""

    id: int
    contact_id: int
    name: str
    properties: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    channel: str
    source: str
    campaign_ref: int | None
    historic: bool


COLUMNS = {
    "contact_id": "bigint",
    "name": "text",
    "properties": "jsonb",
    "occurred_at": "timestamptz",
    "event_id": "text",
    "channel": "text",
    "source": "text",
    "session": "text",
    "campaign_ref": "bigint",
    "context": "jsonb",
    "historic": "boolean",
}

# One statement: ids are drawn in the order told, keys decide which events are new, and
# an event and its place in the queue are written together. Keys are inserted in their
# own order so that two batches with the same keys wait for each other, never crosswise.
RECORD = f"""
WITH told AS (
  SELECT new.*, nextval(pg_get_serial_sequence('crm_event', 'id')) AS id
  FROM unnest({", ".join(f"%s::{kind}[]" for kind in COLUMNS.values())})
       WITH ORDINALITY AS new({", ".join(COLUMNS)}, place)
), keyed AS (
  INSERT INTO crm_eventkey (event_id, event, occurred_at)
  SELECT event_id, id, occurred_at FROM told WHERE event_id IS NOT NULL ORDER BY event_id COLLATE "C", place
  ON CONFLICT (event_id) DO NOTHING RETURNING event
), kept AS (
  SELECT * FROM told WHERE event_id IS NULL OR id IN (SELECT event FROM keyed)
), written AS (
  INSERT INTO crm_event (id, contact_id, name, properties, occurred_at, recorded_at, received_at, channel,
                         source, session, campaign_ref, context, historic)
  SELECT id, contact_id, name, properties, occurred_at, %s, clock_timestamp(), channel,
         source, session, campaign_ref, context, historic FROM kept
), queued AS (
  INSERT INTO crm_reaction (event, occurred_at, contact, shard)
  SELECT id, occurred_at, contact_id, contact_id %% {SHARDS} FROM kept
)
SELECT place, id FROM kept
"""  # noqa: S608 - made of our own column names


def record(facts: Sequence[NewFact], *, now: datetime) -> list[int | None]:
    """Tell the timeline. Answers the event ids in order; None where the `event_id` was known."""
    if not facts:
        return []
    partitions.ensure_months("crm_event", [fact.occurred_at or now for fact in facts])
    ids: list[int | None] = [None] * len(facts)
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(facts), arrays.BATCH):
            rows = [_row(fact, now) for fact in facts[start : start + arrays.BATCH]]
            cursor.execute(RECORD, [*arrays.parameters(rows, len(COLUMNS)), now])
            for place, event in cursor.fetchall():
                ids[start + place - 1] = event
        bell.ring(ROUND)
    return ids


def record_columns(
    columns: Sequence[str], length: int, months: set[tuple[int, int]], *, now: datetime
) -> list[int | None]:
    """Tell at most a batch that is arrays already (`COLUMNS`, as `arrays.column` makes them); as `record()`."""
    partitions.ensure("crm_event", months)
    ids: list[int | None] = [None] * length
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [*columns, now])
        for place, event in cursor.fetchall():
            ids[place - 1] = event
    bell.ring(ROUND)
    return ids


def known(event_ids: Sequence[str]) -> dict[str, int]:
    """Which of these event ids are on the timeline already, and as what."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id, event FROM crm_eventkey WHERE event_id = ANY(%s)", [list(event_ids)])
        return dict(cursor.fetchall())


def withdraw(event_ids: Sequence[str]) -> int:
    """Facts that an import told and that are taken back with it: as if they had never been told."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM crm_eventkey WHERE event_id = ANY(%s) RETURNING event, occurred_at", [sorted(event_ids)]
        )
        told = cursor.fetchall()
        cursor.execute("DELETE FROM crm_reaction WHERE event = ANY(%s)", [[event for event, _ in told]])
        cursor.execute(
            """DELETE FROM crm_event e USING unnest(%s::bigint[], %s::timestamptz[]) AS gone(id, occurred_at)
               WHERE e.id = gone.id AND e.occurred_at = gone.occurred_at
               RETURNING e.id, e.contact_id, e.name, e.properties, e.occurred_at, e.recorded_at, e.channel, e.source,
                 e.campaign_ref, e.historic""",
            [[event for event, _ in told], [at for _, at in told]],
        )
        facts = [
            Fact(event, contact, name, json.loads(told) if isinstance(told, str) else told, *rest)
            for event, contact, name, told, *rest in cursor.fetchall()
        ]
    for listen in registry.withdrawn_facts:
        listen(facts)
    return len(facts)


def _row(fact: NewFact, now: datetime) -> tuple[Any, ...]:
    return (
        fact.contact_id,
        fact.name,
        dict(fact.properties),
        fact.occurred_at or now,
        fact.event_id,
        fact.channel,
        fact.source,
        fact.session,
        fact.campaign_ref,
        dict(fact.context),
        fact.historic,
    )


# --- answering -----------------------------------------------------------------------------


def pending() -> int:
    """How many events wait for their answer (parked ones wait for a person)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_reaction WHERE NOT parked")
        return int(cursor.fetchone()[0])


def parked() -> list[tuple[int, str]]:
    """Events that failed alone, with their error, for the status page."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, error FROM crm_reaction WHERE parked ORDER BY event")
        return list(cursor.fetchall())


def unpark(event_ids: Sequence[int]) -> int:
    """A person has mended the cause: let these be answered again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_reaction SET parked = false, tries = 0, error = '' WHERE parked AND event = ANY(%s)",
            [list(event_ids)],
        )
        bell.ring(ROUND)
        return int(cursor.rowcount)


def drain(limit: int = BATCH) -> int:
    """Answer one batch. Returns how many events left the queue (parked ones too)."""
    taken: list[int] = []
    try:
        with collector.resting(), transaction.atomic():
            facts, suspects = _take(limit)
            taken.extend(fact.id for fact in facts)
            if not facts:
                return 0
            failed = _answer(facts, suspects=suspects)
            _park(failed)
            _done([fact.id for fact in facts if fact.id not in failed])
            return len(facts)
    except (OperationalError, InterfaceError):
        # The whole turn is undone. Count it, so that one event that breaks off every
        # turn (a timeout in its answer) is found in the end.
        _count_try(taken)
        raise


def _take(limit: int) -> tuple[list[Fact], bool]:
    """Lock the shards nobody drains and read their oldest events; whether they are suspected."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT shard FROM generate_series(0, {SHARDS - 1}) AS shard
                WHERE EXISTS (SELECT FROM crm_reaction r WHERE NOT r.parked AND r.shard = shard.shard)
                  AND pg_try_advisory_xact_lock(%s + shard)""",  # noqa: S608 - a number of our own
            [partitions.LOCK_SHARD],
        )
        shards = [shard for (shard,) in cursor.fetchall()]
        if not shards:
            return [], False
        # A statement of its own: it must see what the last drainer of these shards committed.
        cursor.execute(
            """SELECT r.event, r.occurred_at, r.tries FROM unnest(%s::smallint[]) AS mine(shard),
                 LATERAL (SELECT * FROM crm_reaction WHERE shard = mine.shard AND NOT parked
                          ORDER BY event LIMIT %s) AS r
               ORDER BY r.event LIMIT %s""",
            [shards, limit, limit],
        )
        rows = cursor.fetchall()
    return _facts(rows), any(tries >= PATIENCE for _, _, tries in rows)


def _facts(rows: Sequence[tuple[int, datetime, int]]) -> list[Fact]:
    if not rows:
        return []
    instants = [occurred for _, occurred, _ in rows]
    # One event at a time: of a busy instant the planner knows nothing, and would compare all with all.
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id, e.contact_id, e.name, e.properties, e.occurred_at, e.recorded_at, e.channel,
                      e.source, e.campaign_ref, e.historic
               FROM unnest(%s::bigint[], %s::timestamptz[]) AS due(event, occurred) CROSS JOIN LATERAL (
                 SELECT * FROM crm_event WHERE id = due.event AND occurred_at = due.occurred
                   AND occurred_at BETWEEN %s AND %s OFFSET 0) AS e ORDER BY e.id""",
            [
                arrays.numbers([event for event, _, _ in rows]),
                arrays.column("timestamptz", instants),
                min(instants),
                max(instants),
            ],
        )
        found = [
            Fact(event, contact, name, json.loads(told) if isinstance(told, str) else told, *rest)
            for event, contact, name, told, *rest in cursor.fetchall()
        ]
    missing = {event for event, _, _ in rows} - {fact.id for fact in found}
    if missing:  # erased, or dropped with its month: nothing is left to answer
        _done(sorted(missing))
    return found


def _answer(facts: list[Fact], *, suspects: bool) -> dict[int, str]:
    """All reactors over `facts`; on an error halve down to the events that fail alone."""
    patient: tuple[type[BaseException], ...] = () if suspects else (OperationalError, InterfaceError)
    try:
        with transaction.atomic():
            for react in registry.reactors:
                react(facts)
    except patient:
        raise
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        if len(facts) == 1:
            log.exception("event parked", extra={"event": "event_parked", "event_id": facts[0].id})
            return {facts[0].id: f"{type(error).__name__}: {error}"[:2000]}
        middle = len(facts) // 2
        return _answer(facts[:middle], suspects=suspects) | _answer(facts[middle:], suspects=suspects)
    return {}


def _park(failed: Mapping[int, str]) -> None:
    if not failed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_reaction r SET parked = true, tries = least(tries + 1, 32000), error = f.error
               FROM unnest(%s::bigint[], %s::text[]) AS f(event, error) WHERE r.event = f.event""",
            [list(failed), [error.replace("\0", "") for error in failed.values()]],
        )


def _done(events: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_reaction WHERE event = ANY(%s::bigint[])", [arrays.numbers(events)])


def _count_try(events: Sequence[int]) -> None:
    if not events or connection.in_atomic_block:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE crm_reaction SET tries = least(tries + 1, 32000) WHERE event = ANY(%s)",
                [list(events)],
            )
    except DatabaseError:
        log.warning("a broken turn could not be counted", extra={"event": "turn_not_counted"})
