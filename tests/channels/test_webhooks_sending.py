"""What is told leaves signed, is tried again for a day, holds nobody up, and leads to no address inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from channels import secrets
from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks import endpoints, lanes, queue, sending, telling
from crm import clock
from crm.errors import Problem, Problems
from crm.models import AuditEntry
from tests.channels.listening import arrive, endpoint, later, react, send
from tests.channels.receiver import DROP, HALF, Receiver, receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_host_is_trusted(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def dario() -> Iterator[Receiver]:
    """Dario the integrator, whose server takes everything."""
    with receiver() as place:
        yield place


# --- sending ---------------------------------------------------------------------------------------


def test_what_fails_is_tried_eight_times_within_a_day_and_then_shown_as_failed() -> None:
    with receiver(500) as place:
        row = endpoint(place)
        telling.test(row.pk)
        waits = []
        for _ in range(queue.TRIES):
            delivery = WebhookDelivery.objects.get()
            assert delivery.state == "due"
            later(delivery)
            before = clock.real()
            assert send() == 1
            waits.append(WebhookDelivery.objects.get().due_at - before)
        delivery.refresh_from_db()
        row.refresh_from_db()
    assert (delivery.state, delivery.tries, len(delivery.log)) == ("failed", 8, 8)
    assert row.failing_since is not None
    assert row.active
    waits = waits[:-1]
    assert waits == sorted(waits)
    assert timedelta(seconds=5) <= waits[0] < timedelta(seconds=8)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=24)
    assert {each["headers"]["webhook-id"] for each in place.got} == {delivery.event_id}, "always the same event"


def test_the_last_try_stays_within_a_day_even_by_bad_luck() -> None:
    assert sum(queue.WAITS, timedelta()) * (1 + queue.JITTER) < timedelta(hours=24)


def test_a_receiver_that_asks_for_time_gets_it_but_not_more_than_a_day() -> None:
    with receiver(429) as place:
        place.answer_headers["Retry-After"] = "900"
        telling.test(endpoint(place).pk)
        send()
        first = WebhookDelivery.objects.get()
        assert timedelta(minutes=14) < first.due_at - clock.real() <= timedelta(minutes=15)
        place.answer_headers["Retry-After"] = "999999"
        later(first)
        send()
        assert WebhookDelivery.objects.get().due_at - first.created_at <= timedelta(hours=24)


def test_retry_after_is_seconds_or_an_instant() -> None:
    now = datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert sending.retry_after("120", now) == timedelta(minutes=2)
    assert sending.retry_after("Mon, 04 May 2026 10:05:00 GMT", now) == timedelta(minutes=5)
    for nonsense in ("", "soon", "-5", "Mon, 04 May 2026 09:05:00 GMT", "9" * 40):
        assert sending.retry_after(nonsense, now) is None


def test_who_answers_gone_is_switched_off_and_what_waits_stays(dario: Receiver) -> None:
    with receiver(410) as place:
        row = endpoint(place)
        telling.test(row.pk)
        send()
        row.refresh_from_db()
        assert (row.active, row.off_because) == (False, "gone")
        assert WebhookDelivery.objects.get().state == "failed"
        assert endpoints.listening() == []
        assert queue.pending() == 0
        assert AuditEntry.objects.filter(action="webhook.switch", actor="system").exists()


def test_redirects_are_not_followed(dario: Receiver) -> None:
    with receiver(302) as place:
        place.answer_headers["Location"] = dario.url
        telling.test(endpoint(place).pk)
        send()
    assert dario.got == []
    assert WebhookDelivery.objects.get().log[0]["status"] == 302


def test_a_receiver_that_hangs_up_or_stops_in_the_middle_is_asked_again() -> None:
    behaviour = iter([DROP, HALF, 503, 200])
    with receiver(lambda number, call: next(behaviour)) as place:
        telling.test(endpoint(place).pk)
        for _ in range(4):
            later(WebhookDelivery.objects.get())
            send()
        assert sum(place.verified.values()) == 1
    row = WebhookDelivery.objects.get()
    assert row.state == "done"
    assert [each["status"] for each in row.log] == [None, None, 503, 200]


def test_a_slow_receiver_holds_up_nobody_else(dario: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 1.5)
    with receiver("hang") as slow:
        first = endpoint(slow)
        second = endpoint(dario)
        for _ in range(30):
            telling.test(first.pk)
            telling.test(second.pk)
        begun = clock.real()
        send()
        assert len(slow.got) <= lanes.OF_EACH * 2
        assert len(dario.got) == 30
        done = WebhookDelivery.objects.filter(endpoint=second, state="done")
        assert max(each.done_at or begun for each in done) - begun < timedelta(seconds=1.5)
    second.refresh_from_db()
    first.refresh_from_db()
    assert (second.failing_since, first.failing_since is not None) == (None, True)


def test_a_lease_that_ran_out_is_somebody_elses_and_is_not_overwritten(dario: Receiver) -> None:
    row = endpoint(dario)
    telling.test(row.pk)
    (lost,) = queue.claim({row.pk: 4})
    assert queue.claim({row.pk: 4}) == []
    later(WebhookDelivery.objects.get())
    (mine,) = queue.claim({row.pk: 4})
    queue.settle(lost, queue.Answered(clock.real(), 1, 500))
    assert WebhookDelivery.objects.get().log == []
    queue.settle(mine, queue.Answered(clock.real(), 1, 200))
    assert WebhookDelivery.objects.get().state == "done"


def test_what_an_endpoint_missed_goes_out_when_it_is_on_again(dario: Receiver) -> None:
    row = endpoint(dario)
    telling.test(row.pk)
    endpoints.switch(row.pk, "user:1", on=False)
    assert send() == 0
    arrive()
    react()
    endpoints.switch(row.pk, "user:1", on=True)
    assert send() == 1
    assert dario.kinds() == ["webhook.test"], "what happened meanwhile is lost to it"


# --- secrets ---------------------------------------------------------------------------------------


def test_while_a_roll_lasts_both_secrets_hold_and_then_the_new_one_alone(dario: Receiver) -> None:
    row = endpoint(dario)
    former = dario.secret
    new = endpoints.roll(row.pk, "user:1")
    assert new != former
    dario.secret = ""
    telling.test(row.pk)
    send()
    call = dario.got[0]
    assert len(call["headers"]["webhook-signature"].split()) == 2
    for secret in (former, new):
        Webhook(secret).verify(call["raw"], call["headers"])
    WebhookEndpoint.objects.update(rolled_until=clock.real() - timedelta(seconds=1))
    telling.test(row.pk)
    send()
    call = dario.got[1]
    Webhook(new).verify(call["raw"], call["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(call["raw"], call["headers"])


def test_secrets_stand_nowhere_in_the_clear(dario: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    row = endpoint(dario)
    new = endpoints.roll(row.pk, "user:1")
    telling.test(row.pk)
    send()
    row.refresh_from_db()
    for secret in (dario.secret, new):
        raw = secret.removeprefix("whsec_")
        assert raw not in row.secrets
        assert raw not in caplog.text
        assert raw not in str(list(AuditEntry.objects.values_list("before", "after", "subject")))
        assert raw not in str(list(WebhookDelivery.objects.values_list("payload", "log")))
    assert set(secrets.unseal(row.secrets)) == {"current", "former"}


def test_a_secret_that_cannot_be_read_is_said_and_nothing_leaves(dario: Receiver, settings: Any) -> None:
    row = endpoint(dario)
    settings.SECRET_KEY = "another-one"
    telling.test(row.pk)
    send()
    assert dario.got == []
    assert "roll" in WebhookDelivery.objects.get().log[0]["detail"]


# --- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/", "https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f000001/",
        "https://0177.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/", "https://192.168.0.1/", "https://100.64.0.1/", "ftp://shop.example/", "https://", "shop",
        "https://ada:secret@shop.example/", "https://shop.example/\r\nX: y", "http://93.184.216.34/",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_or_in_the_clear_are_refused(url: str, settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = []
    with pytest.raises(Problems) as refused:
        endpoints.put(WebhookEndpoint(), {"name": "x", "url": url, "kinds": ["*"]}, "user:1")
    assert [each.pointer for each in refused.value.problems] == ["/url"]
    assert WebhookEndpoint.objects.count() == 0


def test_a_name_that_leads_inside_is_refused_when_it_is_saved_and_when_it_is_called(
    dario: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels import egress

    row = endpoint(dario)
    settings.EGRESS_ALLOWED_HOSTS = []
    found = [(2, 1, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Problems):
        endpoints.put(WebhookEndpoint(), {"name": "x", "url": "https://rebound.example/", "kinds": ["*"]}, "user:1")
    telling.test(row.pk)
    send()
    assert dario.got == []
    assert "public" in WebhookDelivery.objects.get().log[0]["detail"]


# --- again -----------------------------------------------------------------------------------------


def test_what_failed_is_sent_again_when_somebody_asks(dario: Receiver) -> None:
    row = endpoint(dario)
    first, second, third = (telling.test(row.pk) for _ in range(3))
    long_ago = clock.real() - timedelta(days=3)
    WebhookDelivery.objects.filter(pk__in=[first.pk, second.pk]).update(state="failed", tries=8)
    WebhookDelivery.objects.filter(pk=first.pk).update(created_at=long_ago)
    send()
    assert len(dario.got) == 1
    assert queue.resend_failed(row.pk, clock.real() - timedelta(days=1), "user:1") == 1
    send()
    queue.resend(row.pk, first.pk, "user:1")
    queue.resend(row.pk, third.pk, "user:1")
    send()
    assert len(dario.got) == 4
    assert sorted(dario.verified.values()) == [1, 1, 2], "the same event id as before"
    endpoints.switch(row.pk, "user:1", on=False)
    with pytest.raises(Problem):
        queue.resend(row.pk, first.pk, "user:1")


def test_asked_for_again_it_has_a_whole_day_again(dario: Receiver) -> None:
    row = endpoint(dario)
    old = telling.test(row.pk)
    WebhookDelivery.objects.filter(pk=old.pk).update(
        created_at=clock.real() - timedelta(days=5), state="failed", tries=8
    )
    queue.resend(row.pk, old.pk, "user:1")
    (claimed,) = queue.claim({row.pk: 1})
    wait = queue.next_try(claimed, queue.Answered(clock.real(), 1, 503, retry_after=timedelta(hours=2)))
    assert wait is not None
    assert wait == timedelta(hours=2)


def test_a_removed_endpoint_gets_nothing_more_and_its_log_stays(dario: Receiver) -> None:
    row = endpoint(dario)
    telling.test(row.pk)
    endpoints.remove(row.pk, "user:1")
    assert send() == 0
    assert dario.got == []
    row.refresh_from_db()
    assert row.secrets == ""
    assert WebhookDelivery.objects.get().state == "failed"
    with pytest.raises(Problem):
        endpoints.roll(row.pk, "user:1")
