"""Endpoints of integrators for tests of webhooks, and what they are told."""

from __future__ import annotations

import json
from typing import Any

from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks import endpoints, sending
from crm import capture, clock, publicids, timeline
from tests.channels.receiver import Receiver


def endpoint(place: Receiver, *patterns: str) -> WebhookEndpoint:
    row = WebhookEndpoint()
    place.secret = endpoints.put(row, {"name": "Web shop", "url": place.url, "kinds": list(patterns or "*")}, "user:1")
    return row


def told(kind: str = "") -> list[dict[str, Any]]:
    rows = WebhookDelivery.objects.order_by("pk")
    return [json.loads(each.payload) for each in (rows.filter(kind=kind) if kind else rows)]


def send() -> int:
    return sending.work()


def later(row: WebhookDelivery) -> None:
    """Its next try is due now."""
    WebhookDelivery.objects.filter(pk=row.pk).update(due_at=clock.real())


def arrive(email: str = "chiara@example.com", **more: Any) -> int:
    answer = capture.receive([capture.Arrival({"email": email}, **more)], now=clock.now())[0]
    assert answer.problems == []
    return int(answer.contact_id or 0)


def name(number: int) -> str:
    return publicids.encode("ctc", number)


def react() -> None:
    while timeline.drain():
        pass
