"""The queue of tellings: claimed with a lease, tried again after a while, and settled; all SQL of its rows.

A claim moves `due_at` behind the lease, so a worker that dies gives its rows back by doing nothing: each arrives at
least once. Every write names the lease, so a worker that comes late overwrites nothing.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from channels.webhooks import endpoints
from channels.webhooks.telling import ROUND
from crm import audit, bell, clock
from crm.errors import Problem

# After the first, second … try that failed: eight tries within a day.
WAITS: Final = tuple(
    timedelta(seconds=each) for each in (5, 60, 300, 1_800, 2 * 3_600, 6 * 3_600, 14 * 3_600)
)  # fmt: skip
TRIES: Final = len(WAITS) + 1
# With a breath for the worker that has to come by.
A_DAY: Final = timedelta(hours=24) - timedelta(minutes=2)
JITTER: Final = 0.05

DUE: Final = """
SELECT e.id, e.failing_since IS NOT NULL FROM channels_webhookendpoint e
WHERE e.active AND e.removed_at IS NULL AND EXISTS (
  SELECT FROM channels_webhookdelivery d
  WHERE d.endpoint_id = e.id AND d.state = 'due' AND d.due_at <= clock_timestamp())"""

# Materialized: picked once, however the update is planned.
CLAIM: Final = """
WITH picked AS MATERIALIZED (
  SELECT taken.id, e.url, e.secrets, e.rolled_until
  FROM unnest(%(endpoints)s::bigint[], %(rooms)s::int[]) AS free(endpoint, room)
  JOIN channels_webhookendpoint e ON e.id = free.endpoint AND e.active AND e.removed_at IS NULL
  CROSS JOIN LATERAL (
    SELECT id FROM channels_webhookdelivery w
    WHERE w.endpoint_id = e.id AND w.state = 'due' AND w.due_at <= clock_timestamp()
    ORDER BY w.due_at LIMIT free.room FOR UPDATE SKIP LOCKED) taken
)
UPDATE channels_webhookdelivery d
SET lease = %(lease)s, lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
    due_at = clock_timestamp() + make_interval(secs => %(seconds)s), tries = d.tries + 1
FROM picked WHERE d.id = picked.id
RETURNING d.id, d.endpoint_id, d.event_id, d.payload, d.tries, d.created_at, d.log, picked.url, picked.secrets,
          picked.rolled_until"""

SETTLE: Final = """
UPDATE channels_webhookdelivery
SET state = %(state)s, due_at = clock_timestamp() + make_interval(secs => %(wait)s), lease = NULL, lease_until = NULL,
    done_at = CASE WHEN %(state)s = 'due' THEN NULL ELSE clock_timestamp() END, log = log || %(log)s::jsonb
WHERE id = %(id)s AND lease = %(lease)s AND state = 'due'"""

HEALTH: Final = """
UPDATE channels_webhookendpoint
SET failing_since = CASE WHEN %(well)s THEN NULL ELSE clock_timestamp() END
WHERE id = %(endpoint)s AND (failing_since IS NULL) <> %(well)s"""

AGAIN: Final = """
UPDATE channels_webhookdelivery
SET state = 'due', due_at = clock_timestamp(), tries = 0, lease = NULL, lease_until = NULL, done_at = NULL,
    log = log || %s::jsonb
WHERE endpoint_id = %s"""


@dataclass(frozen=True)
class Claimed:
    """A telling in our hands: what is sent, where, and by which try. `begun`: when the first try of these was due."""

    id: int
    endpoint_id: int
    event_id: str
    payload: str
    tries: int
    begun: datetime
    url: str
    secrets: tuple[str, ...]
    lease: uuid.UUID


@dataclass(frozen=True)
class Answered:
    """What one call came to. `status` None: no whole answer came. `retry_after`: as the receiver asked."""

    at: datetime
    ms: int
    status: int | None
    detail: str = ""
    retry_after: timedelta | None = None

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def as_json(self) -> str:
        said = {"at": self.at.isoformat(), "status": self.status, "ms": self.ms, "detail": self.detail}
        return json.dumps([said])


def due() -> list[tuple[int, bool]]:
    """The endpoints for which something is due, and whether nothing arrives there."""
    with connection.cursor() as cursor:
        cursor.execute(DUE)
        return list(cursor.fetchall())


def claim(rooms: Mapping[int, int]) -> list[Claimed]:
    """Take what is due for these endpoints, of each at most as much as there is room for it."""
    if not rooms:
        return []
    lease, now = uuid.uuid4(), clock.real()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "lease": lease, "seconds": settings.LEASE_SECONDS, "endpoints": list(rooms),
                "rooms": list(rooms.values()),
            },
        )  # fmt: skip
        return [
            Claimed(
                number, endpoint, event_id, payload, tries, _begun(created, log), url,
                tuple(endpoints.known_secrets(sealed, rolled, now)), lease,
            )
            for number, endpoint, event_id, payload, tries, created, log, url, sealed, rolled in cursor.fetchall()
        ]  # fmt: skip


def _begun(created: datetime, log: Any) -> datetime:
    """Since when it is tried: since it happened, or since somebody asked for it again."""
    entries: list[dict[str, Any]] = json.loads(log) if isinstance(log, str) else log
    asked = [each["at"] for each in entries if each.get("again")]
    return datetime.fromisoformat(asked[-1]) if asked else created


def settle(claimed: Claimed, answered: Answered) -> None:
    """Write what became of a call; nothing where somebody else has the row by now."""
    wait = None if answered.arrived else next_try(claimed, answered)
    gone = answered.status == 410
    state = "done" if answered.arrived else "failed" if wait is None or gone else "due"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            SETTLE,
            {
                "state": state, "wait": wait.total_seconds() if wait and state == "due" else 0,
                "log": answered.as_json, "id": claimed.id, "lease": claimed.lease,
            },
        )  # fmt: skip
        if cursor.rowcount and not gone:
            cursor.execute(HEALTH, {"well": answered.arrived, "endpoint": claimed.endpoint_id})
    if gone:
        _gone(claimed.endpoint_id)


def next_try(claimed: Claimed, answered: Answered, spread: float | None = None) -> timedelta | None:
    """How long until it is tried again; None after the last try. `spread`: 0 to 1, by chance where not given."""
    if claimed.tries > len(WAITS):
        return None
    by_chance = random.random() if spread is None else spread  # noqa: S311 - it hides nothing
    wait = WAITS[claimed.tries - 1] * (1 + JITTER * by_chance)
    if answered.retry_after is None:
        return wait
    # Later where it was asked for, but within the day.
    left = claimed.begun + A_DAY - answered.at
    return max(wait, min(answered.retry_after, left))


def _gone(endpoint_id: int) -> None:
    try:
        endpoints.switch(endpoint_id, "system", on=False, why=endpoints.GONE)
    except Problem:  # somebody has removed it meanwhile
        return


def pending() -> int:
    """What is due or leased at this moment; what waits for its next try does not count."""
    if not endpoints.listening():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM channels_webhookdelivery d
               JOIN channels_webhookendpoint e ON e.id = d.endpoint_id AND e.active AND e.removed_at IS NULL
               WHERE d.state = 'due' AND (d.due_at <= clock_timestamp() OR d.lease IS NOT NULL)"""
        )
        return int(cursor.fetchone()[0])


# --- what people ask for ---------------------------------------------------------------------------


def resend(endpoint_id: int, delivery_id: int, actor: str) -> None:
    """Send one again, whatever became of it; one that still waits is sent now."""
    moved = _again(endpoint_id, "id = %s AND lease IS NULL", [delivery_id], actor)
    if not moved:
        raise Problem("", "not_found", _("This event is being sent at this moment, or is not there any more."))


def resend_failed(endpoint_id: int, since: datetime, actor: str) -> int:
    """Send all again that failed and happened since then. Answers how many."""
    return _again(endpoint_id, "state = 'failed' AND created_at >= %s", [since], actor)


def _again(endpoint_id: int, condition: str, params: Sequence[Any], actor: str) -> int:
    with transaction.atomic():
        held = endpoints.held(endpoint_id)
        if not held.active:
            raise Problem("", "off", _("This endpoint is switched off. Switch it on first."))
        marker = json.dumps([{"at": clock.real().isoformat(), "again": True}])
        with connection.cursor() as cursor:
            cursor.execute(f"{AGAIN} AND {condition}", [marker, endpoint_id, *params])
            moved = int(cursor.rowcount)
        if moved:
            audit.record(actor, "webhook.resend", f"webhook:{endpoint_id}", None, {"events": moved})
            bell.ring(ROUND)
    return moved
