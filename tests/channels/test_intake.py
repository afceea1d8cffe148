"""What comes back about messages: delivered, bounced, complained, opened: obeyed at once and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels import intake, states
from channels.intake import Taken
from channels.models import Message
from channels.types import DeliveryEvent
from crm import clock, consent
from crm.models import Address, ConsentReceipt, Contact, Event, Suppression
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()


def sent(count: int = 1, *, state: str = states.ACCEPTED, **given: Any) -> tuple[list[Contact], list[int]]:
    """People who were sent a message, by a road short of the wire."""
    crowd = people.people(count, granted=("email", "sms"))
    ids = people.ask(crowd, **given)
    way = [states.CLAIMED, states.HANDING_OFF]
    for step in [*way, state] if state != states.HANDING_OFF else way:
        Message.objects.filter(pk__in=ids).update(state=step)
    for number in ids:
        Message.objects.filter(pk=number).update(provider_message_id=f"carrier-{number}")
    return crowd, ids


def said(kind: str, number: int, event_id: str = "e1", **given: Any) -> DeliveryEvent:
    return DeliveryEvent(kind=kind, at=clock.now(), event_id=event_id, message_id=number, **given)


def state_of(number: int) -> str:
    return Message.objects.get(pk=number).state


def events_of(contact: Contact) -> list[str]:
    return list(Event.objects.filter(contact=contact, source="delivery").order_by("id").values_list("name", flat=True))


def test_a_delivered_message_is_found_by_the_carriers_name_for_it() -> None:
    crowd, ids = sent()
    event = DeliveryEvent("delivered", clock.now(), "e1", provider_message_id=f"carrier-{ids[0]}")
    assert intake.receive([event], clock.now()) == [Taken.DONE]
    assert state_of(ids[0]) == states.DELIVERED
    assert events_of(crowd[0]) == ["Message Delivered"]


def test_the_same_report_twice_counts_once_and_in_any_order() -> None:
    crowd, ids = sent()
    bounce, delivered = said("bounced", ids[0], "b"), said("delivered", ids[0], "d")
    assert intake.receive([bounce, bounce], clock.now()) == [Taken.DONE, Taken.DUPLICATE]
    assert intake.receive([bounce, delivered], clock.now()) == [Taken.DUPLICATE, Taken.DONE]
    assert state_of(ids[0]) == states.BOUNCED
    assert events_of(crowd[0]) == ["Message Bounced", "Message Delivered"]


def test_reports_about_nothing_or_too_early_say_so() -> None:
    _, ids = sent(state=states.HANDING_OFF)
    now = clock.now()
    answers = intake.receive([said("delivered", ids[0]), said("delivered", 987654), said("sneezed", ids[0])], now)
    assert answers == [Taken.LATER, Taken.UNKNOWN_MESSAGE, Taken.UNKNOWN_MESSAGE]
    assert not Event.objects.filter(source="delivery").exists()


def test_an_unknown_hand_off_is_settled_by_what_comes_back() -> None:
    _, ids = sent(state=states.UNKNOWN)
    intake.receive([said("opened", ids[0])], clock.now())
    assert state_of(ids[0]) == states.DELIVERED


def test_a_dead_mailbox_is_not_written_to_again_on_any_profile() -> None:
    crowd, ids = sent()
    address = people.addresses(crowd)[crowd[0].pk]
    intake.receive([said("bounced", ids[0])], clock.now())
    assert Suppression.objects.filter(hash=address.hash, reason="bounce", until=None).count() == 1
    assert Address.objects.get(pk=address.pk).health == "hard_bounce"
    assert consent.allowed(crowd[0].pk, "offers", "email", clock.now()) == consent.Deny(
        "channel_suppressed_bounce", None
    )
    assert isinstance(consent.allowed(crowd[0].pk, "offers", "sms", clock.now()), consent.Allow)


def test_a_number_that_takes_no_sms_may_still_be_called() -> None:
    _crowd, ids = sent(channel="sms")
    intake.receive([said("bounced", ids[0])], clock.now())
    assert Suppression.objects.get().channel == "sms"
    assert Address.objects.get(medium="phone").health == "valid"


def test_a_complaint_suppresses_withdraws_and_stops_what_is_queued() -> None:
    crowd, ids = sent()
    queued = people.ask(crowd, run=2000)
    intake.receive([said("complained", ids[0])], clock.now())
    assert state_of(ids[0]) == states.COMPLAINED
    assert state_of(queued[0]) == states.BLOCKED
    receipt = ConsentReceipt.objects.latest("id")
    assert (receipt.action, receipt.method, receipt.source) == ("withdrawn", "complaint", f"message:{ids[0]}")
    denied = consent.allowed(crowd[0].pk, "offers", "email", clock.now())
    assert isinstance(denied, consent.Deny)
    later = intake.receive([said("delivered", ids[0], "late")], clock.now())
    assert later == [Taken.DONE]
    assert Suppression.objects.filter(until=None).count() == 1


def test_five_soft_bounces_in_thirty_days_are_a_hard_one() -> None:
    _crowd, ids = sent()
    for n in range(4):
        intake.receive([said("soft_bounced", ids[0], f"s{n}")], clock.now())
    assert not Suppression.objects.exists()
    clock.advance(timedelta(days=31))
    intake.receive([said("soft_bounced", ids[0], "s4")], clock.now())
    assert not Suppression.objects.exists()
    intake.receive([said("soft_bounced", ids[0], f"t{n}") for n in range(4)], clock.now())
    assert Suppression.objects.get().reason == "bounce"
    assert state_of(ids[0]) == states.ACCEPTED


def test_an_unsubscription_is_obeyed_at_once_and_twice_is_once() -> None:
    crowd, ids = sent()
    queued = people.ask(crowd, run=2000)
    for n in range(3):
        intake.receive([said("unsubscribed", ids[0], f"u{n}")], clock.now())
    assert isinstance(consent.allowed(crowd[0].pk, "offers", "email", clock.now()), consent.Deny)
    assert isinstance(consent.allowed(crowd[0].pk, "offers", "sms", clock.now()), consent.Allow)
    assert state_of(queued[0]) == states.BLOCKED
    assert ConsentReceipt.objects.filter(action="withdrawn").count() == 1


def test_stop_all_holds_for_every_channel_and_purpose_of_the_person() -> None:
    crowd, ids = sent()
    people.allow(crowd, "email", "newsletter")
    for n in range(2):
        intake.receive([said("unsubscribed", ids[0], f"u{n}", detail={"scope": "all"})], clock.now())
    for purpose, channel in (("offers", "email"), ("offers", "sms"), ("newsletter", "email"), ("loyalty", "whatsapp")):
        assert isinstance(consent.allowed(crowd[0].pk, purpose, channel, clock.now()), consent.Deny)
    said_once = ConsentReceipt.objects.filter(action="objected").values_list("purpose", "channel", "address_id")
    assert len(said_once) == len(set(said_once))


def test_a_no_after_a_new_yes_is_obeyed_though_the_link_is_the_same() -> None:
    crowd, ids = sent()
    intake.receive([said("unsubscribed", ids[0])], clock.now())
    people.allow(crowd, "email")
    assert isinstance(consent.allowed(crowd[0].pk, "offers", "email", clock.now()), consent.Allow)
    assert intake.receive([said("unsubscribed", ids[0])], clock.now()) == [Taken.DUPLICATE]
    assert isinstance(consent.allowed(crowd[0].pk, "offers", "email", clock.now()), consent.Deny)


def test_a_no_outlives_the_person_who_said_it() -> None:
    crowd, ids = sent()
    address = people.addresses(crowd)[crowd[0].pk]
    Message.objects.filter(pk=ids[0]).update(contact_id=999_999)
    intake.receive([said("unsubscribed", ids[0])], clock.now())
    assert Suppression.objects.get().hash == address.hash


def test_scanners_clicks_are_kept_and_start_nothing() -> None:
    _, ids = sent(campaign_id=5)
    intake.receive(
        [said("clicked", ids[0], machine=True, detail={"url": "https://shop.example/a", "link": 4})], clock.now()
    )
    event = Event.objects.get(source="delivery")
    assert event.historic
    assert event.properties["machine"] is True
    assert event.properties["url"] == "https://shop.example/a"
    assert event.campaign_ref == 5


def test_a_batch_of_reports_costs_a_fixed_number_of_queries() -> None:
    _crowd, ids = sent(30)
    counts = []
    for start, end in ((0, 2), (2, 30)):
        batch = [said("delivered", number, f"q{number}") for number in ids[start:end]]
        batch += [said("bounced", number, f"b{number}") for number in ids[start : start + 2]]
        with CaptureQueriesContext(connection) as queries:
            intake.receive(batch, clock.now())
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 18
