"""Runs and what hangs on them: the one writer of Enrolment and Subscription; all their SQL.

Everything here takes many runs at once and writes them with arrays (decision B12). What is
the same for many runs (where they rest, until when, which way they came) travels once, as a
"shape", so that a bulk send costs two numbers a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from crm import arrays

DUE, WAITING, IN_EFFECT, HELD, DONE = "due", "waiting", "in_effect", "held", "done"


class Claimed(NamedTuple):
    """A due run, locked, with what the engine asks about its contact."""

    id: int
    campaign_id: int
    version_id: int
    contact_id: int
    key: str
    entry_seq: int
    edition: bool
    held_out: bool
    state: str
    step: str
    port: str
    due_at: datetime
    loops: str | None
    entry: str | None
    entry_occurred_at: datetime
    entered_at: datetime
    rested_at: datetime | None
    entry_index: int
    draw: str
    zone: str
    removed: bool  # their contact is kept and not used, or erased


class Standing(NamedTuple):
    """A run as the answers to events see it."""

    id: int
    campaign_id: int
    version_id: int
    contact_id: int
    key: str
    state: str
    held_from: str
    step: str
    message_id: int | None
    held_out: bool
    entry: Mapping[str, Any]
    entry_occurred_at: datetime
    entered_at: datetime
    ended_at: datetime | None

    @property
    def active(self) -> bool:
        return self.state != DONE

    @property
    def resting(self) -> str:
        """What it does, or did when it was frozen."""
        return self.held_from if self.state == HELD else self.state


@dataclass(frozen=True, slots=True)
class Entering:
    """Somebody who was let in, before the run exists."""

    campaign_id: int
    version_id: int
    contact_id: int
    key: str
    entry_seq: int
    lane: str
    entry_index: int
    edition: bool
    held_out: bool
    entry: Mapping[str, Any] | None
    entry_occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a run stands after a page."""

    state: str
    step: str
    port: str
    due_at: datetime | None
    rested_at: datetime | None
    loops: str | None
    outcome: str
    ended_at: datetime | None


class Listening(NamedTuple):
    """A row of Subscription, before it exists."""

    run_id: int
    contact_id: int
    event_name: str
    match_path: str | None
    match_value: str | None
    branch: int
    port: str
    since: datetime


class Ear(NamedTuple):
    """A subscription as it is read back."""

    run_id: int
    branch: int
    event_name: str
    port: str
    since: datetime


def literal(values: Iterable[int | None]) -> str:
    """A PostgreSQL array of numbers as one text: several times cheaper than a list of parameters."""
    return arrays.numbers(list(values))


# --- coming in -----------------------------------------------------------------------------

ENTER = {
    "campaign_id": "bigint", "version_id": "bigint", "contact_id": "bigint", "key": "text", "entry_seq": "int",
    "lane": "text", "entry_index": "smallint", "edition": "boolean", "held_out": "boolean", "entry": "jsonb",
    "entry_occurred_at": "timestamptz", "state": "text", "due_at": "timestamptz", "entered_at": "timestamptz",
}  # fmt: skip


def insert(entering: Sequence[Entering], now: datetime) -> dict[tuple[int, str], int]:
    """Start the runs that the constraints let in: (contact, key) -> run id. Missing: somebody was faster."""
    made: dict[tuple[int, str], int] = {}
    for start in range(0, len(entering), arrays.BATCH):
        rows = [
            (
                each.campaign_id, each.version_id, each.contact_id, each.key, each.entry_seq, each.lane,
                each.entry_index, each.edition, each.held_out, None if each.entry is None else dict(each.entry),
                each.entry_occurred_at, DUE, now, now,
            )
            for each in entering[start : start + arrays.BATCH]
        ]  # fmt: skip
        returned = arrays.insert(
            "campaigns_enrolment", ENTER, rows, conflict="DO NOTHING", returning="contact_id, key, id"
        )
        made.update({(contact, key): run for contact, key, run in returned})
    return made


# --- going on ------------------------------------------------------------------------------

CLAIM = f"""
SELECT r.id, r.campaign_id, r.version_id, r.contact_id, r.key, r.entry_seq, r.edition, r.held_out, r.state,
       r.step, r.port, r.due_at, r.loops::text, r.entry::text, r.entry_occurred_at, r.entered_at, r.rested_at,
       r.entry_index, c.draw::text, c.zone, c.restricted OR c.erased_at IS NOT NULL
FROM campaigns_enrolment r JOIN crm_contact c ON c.id = r.contact_id
WHERE r.state IN ('{DUE}', '{WAITING}') AND r.due_at <= %s AND NOT r.campaign_id = ANY(%s)
ORDER BY r.due_at LIMIT %s FOR UPDATE OF r SKIP LOCKED
"""  # noqa: S608 - our own words

WRITE = """
UPDATE campaigns_enrolment r
SET state = s.state, step = s.step, port = s.port, due_at = s.due_at, rested_at = s.rested_at,
    loops = s.loops, outcome = s.outcome, ended_at = s.ended_at, message_id = new.message
FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) AS new(id, shape, message)
JOIN unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[], %s::text[],
            %s::timestamptz[]) WITH ORDINALITY
     AS s(state, step, port, due_at, rested_at, loops, outcome, ended_at, shape) ON s.shape = new.shape
WHERE r.id = new.id
"""


def claim(limit: int, now: datetime, closed: Sequence[int]) -> list[Claimed]:
    """Lock up to `limit` runs that are due, oldest first, outside the campaigns `closed`."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now, list(closed), limit])
        return [Claimed._make(row) for row in cursor.fetchall()]


def write(moved: Sequence[tuple[int, Shape, int | None]]) -> None:
    """Put each run (id, shape, message) where its page ended."""
    numbers: dict[Shape, int] = {}
    shapes = [numbers.setdefault(shape, len(numbers) + 1) for _, shape, _ in moved]
    columns = arrays.parameters(
        [(s.state, s.step, s.port, s.due_at, s.rested_at, s.loops, s.outcome, s.ended_at) for s in numbers], 8
    )
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            [literal(run for run, _, _ in moved), literal(shapes), literal(m for _, _, m in moved), *columns],
        )


LISTEN = {
    "run_id": "bigint",
    "contact_id": "bigint",
    "event_name": "text",
    "match_path": "text",
    "match_value": "text",
    "branch": "smallint",
    "port": "text",
    "since": "timestamptz",
}


def listen(rows: Sequence[Listening]) -> None:
    """Subscribe waiting runs, in the transaction that rests them."""
    arrays.insert("campaigns_subscription", LISTEN, rows)


def deafen(run_ids: Sequence[int]) -> None:
    """These runs no longer wait for anything."""
    if run_ids:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM campaigns_subscription WHERE run_id = ANY(%s::bigint[])", [literal(run_ids)])


# --- answering events ----------------------------------------------------------------------


def lock(contact_ids: Sequence[int]) -> list[int]:
    """Lock the active runs of these contacts in id order (decision B1): waits for a runner that is
    just resting one of them, so that the next statement sees what it subscribed to."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id FROM campaigns_enrolment WHERE contact_id = ANY(%s) AND state <> '{DONE}'
                ORDER BY id FOR NO KEY UPDATE""",  # noqa: S608 - our own word
            [list(contact_ids)],
        )
        return [run for (run,) in cursor.fetchall()]


STANDING = """
SELECT id, campaign_id, version_id, contact_id, key, state, held_from, step, message_id, held_out, entry,
       entry_occurred_at, entered_at, ended_at
FROM campaigns_enrolment
"""


def standing(contact_ids: Sequence[int], watched: Sequence[int], since: datetime) -> list[Standing]:
    """The active runs of these contacts, and the ended ones of campaigns `watched` since `since`."""
    contacts = list(contact_ids)
    # Two parts, each with an index of its own.
    return _standing(
        f"""contact_id = ANY(%s) AND state <> '{DONE}'
            UNION ALL {STANDING} WHERE campaign_id = ANY(%s) AND contact_id = ANY(%s) AND entered_at >= %s
            AND state = '{DONE}'""",
        [contacts, list(watched), contacts, since],
    )


def of_campaign(campaign_id: int, contact_ids: Sequence[int]) -> list[Standing]:
    """All runs, ended ones too, that these contacts have or had in a campaign."""
    return _standing("campaign_id = %s AND contact_id = ANY(%s)", [campaign_id, list(contact_ids)])


def of_ids(run_ids: Sequence[int]) -> list[Standing]:
    return _standing("id = ANY(%s)", [list(run_ids)])


def _standing(condition: str, params: list[Any]) -> list[Standing]:
    with connection.cursor() as cursor:
        cursor.execute(f"{STANDING} WHERE {condition} ORDER BY id", params)
        return [
            Standing._make((*row[:10], json.loads(row[10]) if row[10] else {}, *row[11:])) for row in cursor.fetchall()
        ]


def ears(run_ids: Sequence[int], names: Sequence[str]) -> list[Ear]:
    """What these runs listen to under `names`, in the order of their branches."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT run_id, branch, event_name, port, since FROM campaigns_subscription
               WHERE run_id = ANY(%s) AND event_name = ANY(%s) ORDER BY run_id, branch""",
            [list(run_ids), list(names)],
        )
        return [Ear._make(row) for row in cursor.fetchall()]


def wake(woken: Sequence[tuple[int, str, datetime]]) -> None:
    """(run, port, left_at): end their rest, by `port`. A frozen run stays frozen and goes on later.

    `due_at` keeps the instant of the fact that ended a wait: what comes after it may end the next.
    """
    if not woken:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_enrolment r
                SET state = CASE r.state WHEN '{HELD}' THEN '{HELD}' ELSE '{DUE}' END,
                    held_from = CASE r.state WHEN '{HELD}' THEN '{DUE}' ELSE '' END,
                    port = new.port, due_at = new.left_at, message_id = NULL
                FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS new(id, port, left_at)
                WHERE r.id = new.id AND CASE r.state WHEN '{HELD}' THEN r.held_from ELSE r.state END
                                        IN ('{WAITING}', '{IN_EFFECT}')""",  # noqa: S608
            arrays.parameters(woken, 3),
        )
    deafen([run for run, _, _ in woken])


def end(ended: Sequence[tuple[int, str]], now: datetime) -> list[int]:
    """(run, outcome): end them wherever they are, at once. Answers those that were still active."""
    if not ended:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_enrolment r
                SET state = '{DONE}', outcome = new.outcome, ended_at = %s, due_at = NULL, message_id = NULL,
                    held_from = '', held_at = NULL
                FROM unnest(%s::bigint[], %s::text[]) AS new(id, outcome)
                WHERE r.id = new.id AND r.state <> '{DONE}' RETURNING r.id""",  # noqa: S608
            [now, *arrays.parameters(ended, 2)],
        )
        gone = [run for (run,) in cursor.fetchall()]
    deafen(gone)
    return gone


def postpone(run_ids: Sequence[int], until: datetime) -> None:
    """The engine failed over these: look again later, so that they stop nobody behind them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_enrolment SET due_at = %s
                WHERE id = ANY(%s) AND state IN ('{DUE}', '{WAITING}')""",  # noqa: S608
            [until, list(run_ids)],
        )


# --- pausing, resuming, stopping: a stretch of contacts at a time (decision B7) ---------------


def stretch(campaign_id: int, after: int, limit: int) -> list[tuple[int, int]]:
    """Lock the active runs of the next `limit` contacts after `after`: (contact, run)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH next AS (SELECT contact_id FROM campaigns_enrolment
                              WHERE campaign_id = %s AND state <> '{DONE}' AND contact_id > %s
                              ORDER BY contact_id LIMIT %s)
                SELECT contact_id, id FROM campaigns_enrolment
                WHERE campaign_id = %s AND state <> '{DONE}' AND contact_id IN (SELECT contact_id FROM next)
                ORDER BY id FOR NO KEY UPDATE""",  # noqa: S608
            [campaign_id, after, limit, campaign_id],
        )
        return list(cursor.fetchall())


def hold(run_ids: Sequence[int], at: datetime) -> int:
    """Freeze runs as of `at`; those already frozen keep their earlier instant."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_enrolment SET held_from = state, state = '{HELD}', held_at = greatest(%s, entered_at)
                WHERE id = ANY(%s) AND state IN ('{DUE}', '{WAITING}', '{IN_EFFECT}')""",  # noqa: S608
            [at, list(run_ids)],
        )
        return int(cursor.rowcount)


def release(run_ids: Sequence[int], at: datetime) -> int:
    """Let frozen runs go on: a deadline moves on by the span it was frozen."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_enrolment
                SET state = held_from, held_from = '', held_at = NULL,
                    due_at = CASE held_from WHEN '{WAITING}' THEN due_at + greatest(%s - held_at, interval '0')
                                            ELSE due_at END
                WHERE id = ANY(%s) AND state = '{HELD}'""",  # noqa: S608
            [at, list(run_ids)],
        )
        return int(cursor.rowcount)


def pending(now: datetime, closed: Sequence[int]) -> int:
    """How many runs are due."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*) FROM campaigns_enrolment
                WHERE state IN ('{DUE}', '{WAITING}') AND due_at <= %s AND NOT campaign_id = ANY(%s)""",  # noqa: S608
            [now, list(closed)],
        )
        return int(cursor.fetchone()[0])
