"""A receiver that fails half of the time, and workers that are killed: every event arrives, at least once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks import endpoints, queue, sending, telling
from crm import clock
from tests.api.test_two_servers import ROOT, database_url
from tests.channels.receiver import DROP, HALF, HANG, receiver

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = """
import django
django.setup()
from config import work
work.run("channels.webhooks", 30)
"""


@pytest.fixture(autouse=True)
def _own_host_is_trusted(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]


def endpoint(url: str) -> tuple[WebhookEndpoint, str]:
    row = WebhookEndpoint()
    return row, endpoints.put(row, {"name": "Web shop", "url": url, "kinds": ["*"]}, "user:1")


def tell(count: int) -> set[str]:
    news = [telling.News("campaign.paused", {"campaign": f"cmp_{number}"}, clock.now()) for number in range(count)]
    telling.tell(news)
    return {each.event_id for each in news}


def worker(lease: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.test_settings", "LEASE_SECONDS": str(lease),
        "EGRESS_ALLOWED_HOSTS": "127.0.0.1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)


def broken() -> list[Any]:
    from crm.registry import invariants

    with connection.cursor() as cursor:
        cursor.execute(invariants.get("W1").sql)  # type: ignore[union-attr]
        return list(cursor.fetchall())


def test_a_server_that_fails_half_of_the_time_gets_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    monkeypatch.setattr(sending, "SECONDS", 1.0)

    def moody(number: int, call: dict[str, Any]) -> int | str:
        if number % 40 == 0:
            time.sleep(1.3)
        return chance.choice([200, 200, 200, 200, 500, 503, DROP, HALF])

    with receiver(moody) as place:
        _, place.secret = endpoint(place.url)
        wanted = tell(120)
        for _ in range(queue.TRIES):
            sending.work()
            WebhookDelivery.objects.filter(state="due").update(due_at=clock.real())
        states = Counter(WebhookDelivery.objects.values_list("state", flat=True))
        assert set(place.verified) == wanted - set(
            WebhookDelivery.objects.exclude(state="done").values_list("event_id", flat=True)
        )
        assert states["done"] >= 118, "eight tries at even odds lose one in 256, and those are shown as failed"
        assert states["due"] == 0
    assert broken() == []


@pytest.mark.real_processes
def test_a_worker_killed_in_the_middle_of_its_calls_loses_nothing() -> None:
    with receiver(lambda number, call: HANG if number <= 4 else 200) as place:
        _, place.secret = endpoint(place.url)
        wanted = tell(20)
        first = worker(lease=3)
        try:
            assert place.hanging.wait(30), "it is in a call"
            first.send_signal(signal.SIGKILL)
            first.wait(10)
        finally:
            first.kill()
        leased = set(WebhookDelivery.objects.filter(state="due").exclude(lease=None).values_list("event_id", flat=True))
        assert leased, "what it had in its hands is not done"
        second = worker(lease=3)
        try:
            end = time.monotonic() + 40
            while WebhookDelivery.objects.filter(state="due").exists() and time.monotonic() < end:
                time.sleep(0.2)
                if second.poll() is not None:
                    second = worker(lease=3)
        finally:
            second.kill()
            second.wait(10)
        arrived = {each["headers"]["webhook-id"] for each in place.got[4:]}
        assert arrived == wanted, "each arrived, those it had in its hands once more"
    assert Counter(WebhookDelivery.objects.values_list("state", flat=True)) == {"done": 20}
    assert WebhookDelivery.objects.filter(event_id__in=leased, tries__gte=2).count() == len(leased)
    assert broken() == []
