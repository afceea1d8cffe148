"""What pages show of endpoints and of what went to them; reads only, a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks.queue import TRIES

# Counted that far; more is "more than".
MOST = 1_000
HEALTH = """
SELECT e.id,
       (SELECT max(done_at) FROM (SELECT done_at FROM channels_webhookdelivery
          WHERE endpoint_id = e.id AND state = 'done' ORDER BY id DESC LIMIT 100) newest),
       (SELECT count(*) FROM (SELECT FROM channels_webhookdelivery
          WHERE endpoint_id = e.id AND state = 'due' LIMIT %(most)s) waiting),
       (SELECT count(*) FROM (SELECT state FROM channels_webhookdelivery
          WHERE endpoint_id = e.id ORDER BY id DESC LIMIT %(most)s) newest WHERE state = 'failed')
FROM unnest(%(ids)s::bigint[]) AS e(id)"""


@dataclass(frozen=True)
class Health:
    """How an endpoint does. `failed`: among the newest thousand."""

    arrived_at: datetime | None
    waiting: int
    failed: int


def endpoints() -> list[tuple[WebhookEndpoint, Health]]:
    """All that are there, with how each does."""
    rows = list(WebhookEndpoint.objects.filter(removed_at=None).order_by("pk"))
    known = health([row.pk for row in rows])
    return [(row, known[row.pk]) for row in rows]


def health(ids: list[int]) -> dict[int, Health]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(HEALTH, {"ids": ids, "most": MOST})
        return {number: Health(*rest) for number, *rest in cursor.fetchall()}


def deliveries(endpoint_id: int, state: str) -> QuerySet[WebhookDelivery]:
    """What went, or is to go, to an endpoint; without payloads."""
    rows = WebhookDelivery.objects.filter(endpoint_id=endpoint_id).defer("payload")
    return rows.filter(state=state) if state in WebhookDelivery.State.values else rows


def shown(row: WebhookDelivery) -> dict[str, Any]:
    """A row of the log: its last try, and when it is tried again."""
    tried = [each for each in row.log if not each.get("again")]
    last = tried[-1] if tried else {}
    waits = row.state == "due"
    return {
        "row": row, "status": last.get("status"), "ms": last.get("ms"), "detail": last.get("detail", ""),
        "sending": waits and row.lease is not None, "next": row.due_at if waits and row.lease is None else None,
        "tries": row.tries, "of": TRIES,
    }  # fmt: skip


def answers(row: WebhookDelivery) -> list[dict[str, Any]]:
    """Each try with its answer, the newest first; and when somebody asked for it again."""
    return [{**each, "at": datetime.fromisoformat(each["at"])} for each in reversed(row.log)]
