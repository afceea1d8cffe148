"""Integrators are told what happens: once for each event, in the transaction in which it happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from campaigns import lifecycle
from channels import content, intake, processing
from channels.models import WebhookDelivery
from channels.outbox import delivery
from channels.types import DeliveryEvent
from channels.webhooks import endpoints, kinds, queue, telling
from crm import capture, clock, publicids, registry, timeline
from crm.identity import merging, office
from crm.models import Contact
from crm.rights import erasure, restriction
from tests.campaigns import cast
from tests.channels import people
from tests.channels.listening import arrive, endpoint, name, react, send, told
from tests.channels.receiver import Receiver, receiver
from tests.channels.scripted import provider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_host_is_trusted(settings: Any) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def dario() -> Iterator[Receiver]:
    """Dario the integrator, whose server takes everything."""
    with receiver() as place:
        yield place


# --- what is told ----------------------------------------------------------------------------------


def test_dario_hears_of_chiara_and_can_verify_who_says_so(dario: Receiver) -> None:
    endpoint(dario, "contact.*")
    chiara = arrive()
    react()
    assert send() == 1
    (call,) = dario.got
    assert call["json"] == {
        "type": "contact.created", "timestamp": call["json"]["timestamp"], "data": {"contact": name(chiara)},
    }  # fmt: skip
    assert call["headers"]["webhook-id"].startswith("evt_")
    Webhook(dario.secret).verify(call["raw"], call["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(dario.secret).verify(call["raw"].replace(b"created", b"erased"), call["headers"])
    row = WebhookDelivery.objects.get()
    assert (row.state, row.tries, [each["status"] for each in row.log]) == ("done", 1, [200])
    assert send() == 0
    assert "chiara@example.com" not in row.payload, "ids, and what happened"


def test_changes_of_a_contact_name_what_changed_and_not_what_it_is(dario: Receiver) -> None:
    endpoint(dario, "contact.updated")
    chiara = arrive()
    arrive(fields={"city": "Valencia", "fields": {"shoe_size": 38}})
    both = [{"kind": "email", "value": "chiara@example.com"}, {"kind": "phone", "value": "+34600111222"}]
    capture.receive([capture.Arrival(both)], now=clock.now())
    arrive(fields={"city": "Valencia"})
    office.archive([chiara], actor="user:1", now=clock.now())
    assert [each["data"]["changed"] for each in told()] == [["city", "fields.shoe_size"], ["identifiers"], ["archived"]]
    assert "Valencia" not in str(told())


def test_two_who_become_one_and_one_who_is_erased(dario: Receiver) -> None:
    endpoint(dario, "contact.merged", "contact.erased")
    chiara, twin = arrive(), arrive("chiara@work.example")
    merging.merge(chiara, twin, {}, actor="user:1", now=clock.now())
    assert told() == [
        {"type": "contact.merged", "timestamp": told()[0]["timestamp"],
         "data": {"contact": name(chiara), "merged": name(twin)}}
    ]  # fmt: skip
    erasure.ask(chiara, actor="user:1", via="contact", now=clock.now())
    assert erasure.finish(chiara)
    gone = told("contact.erased")
    assert {each["data"]["contact"] for each in gone} == {name(chiara), name(twin)}
    assert told("contact.merged") == [], "what waited about them went with them"
    assert send() == 2
    assert set(dario.kinds()) == {"contact.erased"}


def test_a_permission_taken_back_is_told_with_its_receipt(dario: Receiver) -> None:
    endpoint(dario, "consent.changed")
    people.at_noon()
    (ada,) = people.people(1)
    people.withdraw(ada)
    react()
    given, taken = told()
    assert (given["data"]["action"], taken["data"]["action"], taken["data"]["state"]) == (
        "granted",
        "withdrawn",
        "withdrawn",
    )
    assert taken["data"]["purpose"] == "offers"
    assert taken["data"]["receipt"].startswith("rcp_")


def test_somebody_who_only_calls_an_event_so_is_not_believed(dario: Receiver) -> None:
    endpoint(dario)
    forged = [
        {"name": "Consent Changed", "properties": {"action": "granted", "state": "granted", "receipt_id": 1}},
        {"name": "Consent Changed", "properties": {"state": "granted"}},
        {"name": "Message Delivered", "properties": {"message_id": 2**70}, "source": "delivery"},
        {"name": "Message Delivered", "properties": {"message_id": True}, "source": "outbox"},
    ]
    arrive(events=forged)
    react()
    assert [each["type"] for each in told()] == ["contact.created"]
    assert timeline.parked() == []


def test_what_is_historic_tells_nothing(dario: Receiver) -> None:
    endpoint(dario)
    chiara = arrive()
    fact = timeline.NewFact(chiara, "Stage Changed", {"from": "lead", "to": "engaged"}, historic=True)
    timeline.record(
        [fact, timeline.NewFact(chiara, "Stage Changed", {"from": "lead", "to": "repeat"})], now=clock.now()
    )
    react()
    assert [each["data"]["to"] for each in told("contact.stage_changed")] == ["repeat"]


def test_of_somebody_restricted_only_that_is_told(dario: Receiver) -> None:
    endpoint(dario)
    chiara = arrive()
    react()
    restriction.restrict(chiara, why="accuracy", actor="user:1", now=clock.now())
    timeline.record([timeline.NewFact(chiara, "Stage Changed", {"from": "lead", "to": "repeat"})], now=clock.now())
    react()
    assert [(each["type"], each["data"].get("changed")) for each in told()] == [
        ("contact.created", None), ("contact.updated", ["restricted"]),
    ]  # fmt: skip


def test_a_change_that_is_rolled_back_was_never_told(dario: Receiver) -> None:
    endpoint(dario)
    chiara = arrive()
    with transaction.atomic():
        arrive(fields={"city": "Valencia"})
        transaction.set_rollback(True)
    assert told("contact.updated") == []
    assert Contact.objects.get(pk=chiara).city == ""


def test_the_same_facts_answered_twice_are_told_once(dario: Receiver) -> None:
    endpoint(dario)
    arrive()
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, occurred_at, contact, shard FROM crm_reaction")
        rows = cursor.fetchall()
    react()
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO crm_reaction (event, occurred_at, contact, shard) VALUES (%s, %s, %s, %s)", rows
        )
    react()
    assert len(told("contact.created")) == 1


def test_each_endpoint_hears_what_it_chose(dario: Receiver) -> None:
    endpoint(dario, "message.*")
    chosen = endpoint(dario, "contact.created", "campaign.*")
    arrive()
    react()
    assert [row.endpoint_id for row in WebhookDelivery.objects.all()] == [chosen.pk]


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_has_words_and_an_example_of_ids(kind: str) -> None:
    found = kinds.KINDS[kind]
    assert str(found.words)
    assert found.example
    assert kinds.hears(["*"], kind)
    assert kinds.hears([f"{kind.partition('.')[0]}.*"], kind)
    assert not kinds.hears(["other.*", "contact"], kind)


def test_the_page_for_integrators_names_every_kind_with_its_example() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api" / "webhooks.md").read_text()
    for each in kinds.KINDS.values():
        assert f"| `{each.name}` | {each.words} | `{json.dumps(each.example)}` |" in page


# --- queries ---------------------------------------------------------------------------------------


def queries(crowd: int, place: str) -> int:
    arrivals = [capture.Arrival({"email": f"{place}{number}@example.com"}) for number in range(crowd)]
    capture.receive(arrivals, now=clock.now())
    react()
    arrivals = [capture.Arrival({"email": f"{place}{number}@example.com"}, {"city": place}) for number in range(crowd)]
    with CaptureQueriesContext(
        connection,
    ) as caught:
        capture.receive(arrivals, now=clock.now())
        timeline.drain()
    return sum("webhook" in each["sql"] for each in caught)


def test_a_batch_costs_one_query_however_large_and_none_where_nobody_listens(dario: Receiver) -> None:
    assert queries(3, "a") == 0
    endpoint(dario)
    endpoint(dario)
    endpoints.listening()
    assert (queries(2, "b"), queries(60, "c")) == (1, 1)


def test_a_tick_without_endpoints_asks_nothing(dario: Receiver) -> None:
    with CaptureQueriesContext(connection) as caught:
        assert (send(), queue.pending()) == (0, 0)
    assert len(caught) == 0
    endpoint(dario)
    endpoints.listening()
    with CaptureQueriesContext(connection) as caught:
        assert send() == 0
    assert len(caught) == 1


# --- campaigns, messages, the record of processing and retention -------------------------------------


def test_a_campaign_tells_each_turn_it_takes(dario: Receiver) -> None:
    endpoint(dario, "campaign.*")
    campaign = cast.publish(cast.leave("end"))
    for turn in (lifecycle.pause, lifecycle.resume, lifecycle.finish, lifecycle.stop):
        turn(campaign, cast.ADA, clock.now())
        turn(campaign, cast.ADA, clock.now())
    assert [each["type"] for each in told()] == [
        "campaign.published", "campaign.paused", "campaign.resumed", "campaign.finished", "campaign.stopped",
    ]  # fmt: skip
    assert told()[0]["data"] == {"campaign": publicids.encode("cmp", campaign.pk), "name": "Test", "version": 1}


def test_of_messages_it_is_told_what_became_of_them_and_why(dario: Receiver, settings: Any) -> None:
    settings.CAUCE_MODE = "live"
    content.forget()
    endpoint(dario, "message.*")
    people.at_noon()
    ada, bruno = people.people(2)
    first, second = people.ask([ada, bruno])
    people.withdraw(bruno)
    with provider():
        delivery.deliver()
    report = DeliveryEvent("delivered", clock.now(), "e1", message_id=first)
    opened = DeliveryEvent("opened", clock.now(), "e2", message_id=first, machine=True)
    bounced = DeliveryEvent("bounced", clock.now(), "e3", message_id=first)
    intake.receive([report, opened, bounced], clock.now())
    react()
    by_kind = {each["type"]: each["data"] for each in told()}
    assert set(by_kind) == {"message.sent", "message.skipped", "message.delivered", "message.bounced"}
    assert by_kind["message.sent"] == {
        "contact": name(ada.pk), "message": publicids.encode("msg", first), "campaign": None,
        "run": publicids.encode("run", 1000), "step": "e1", "channel": "email",
    }  # fmt: skip
    assert by_kind["message.bounced"]["hard"] is True
    assert by_kind["message.skipped"]["message"] == publicids.encode("msg", second)
    assert by_kind["message.skipped"]["reason"]
    assert "example.com" not in str(told())


def test_endpoints_are_recipients_in_the_record_of_processing(dario: Receiver) -> None:
    row = endpoint(dario, "contact.*")
    (found,) = [each for each in processing.recipients() if each.channel == "Webhook"]
    assert (found.name, found.place, found.leaves) == ("Web shop", "127.0.0.1", True)
    assert "contact.*" in found.data
    endpoints.remove(row.pk, "user:1")
    assert not [each for each in processing.recipients() if each.channel == "Webhook"]


def test_the_log_is_kept_for_a_month_and_what_waits_stays(dario: Receiver) -> None:
    row = endpoint(dario)
    done, waiting, fresh = (telling.test(row.pk) for _ in range(3))
    old = clock.real() - timedelta(days=31)
    WebhookDelivery.objects.filter(pk__in=[done.pk, waiting.pk]).update(created_at=old)
    WebhookDelivery.objects.filter(pk__in=[done.pk, fresh.pk]).update(state="done")
    kept = registry.retention.get("webhooks")
    assert kept is not None
    assert kept.count is not None
    assert kept.clean is not None
    before = clock.real() - timedelta(days=kept.days)
    assert kept.days == 30
    assert kept.count(before, 100) == 1
    assert kept.clean(before, 100) == 1
    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == {waiting.pk, fresh.pk}
