"""What Bruno does at the till changes what Elena's campaigns do: at once, and once."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import runner
from campaigns.models import Conversion
from channels.models import Message
from channels.outbox import delivery
from crm import clock, publicids
from crm.models import ConsentReceipt, Contact, Event, Order, TillEntry
from tests.campaigns import cast, office
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house()


@pytest.fixture
def bruno() -> Till:
    return till()


def elena(bruno: Till) -> Contact:
    """One of the customers of his store."""
    found = cast.person()
    Contact.objects.filter(pk=found.pk).update(home_store=bruno.store)
    return found


def five_times(bruno: Till, kind: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """As a queue sends it whose answers get lost."""
    entry = bruno.entry(kind, body, clock.now())
    return [bruno.send(entry).json()["entries"][0] for _ in range(5)]


def test_whoever_buys_at_the_till_is_converted_and_hears_no_more_of_the_cart(bruno: Till) -> None:
    buyer = elena(bruno)
    campaign = cast.publish(cast.wait(), cast.mail(), **cast.BOUGHT_IS_THE_END)
    cast.enter(campaign, buyer)
    cast.work()
    answers = five_times(bruno, "purchase", {"contact": publicids.encode("ctc", buyer.pk), "amount": "42.50"})
    assert [each["state"] for each in answers] == ["done"] * 5
    cast.work()
    run = cast.only_run(campaign)
    assert (run.state, run.outcome) == ("done", "converted")
    (conversion,) = Conversion.objects.all()
    assert (conversion.contact_id, str(conversion.value)) == (buyer.pk, "42.50")
    cast.later(days=3)
    cast.work()
    assert not Message.objects.exists()
    assert Order.objects.count() == Event.objects.filter(name="Order Completed").count() == 1


def test_a_no_to_everything_at_the_till_stops_the_message_that_waits(bruno: Till) -> None:
    chiara = elena(bruno)
    campaign = cast.publish(cast.mail())
    cast.enter(campaign, chiara)
    runner.tick()
    assert Message.objects.get().state == "due"
    stop = {"contact": publicids.encode("ctc", chiara.pk), "purpose": "offers", "channel": "all", "yes": False}
    answers = five_times(bruno, "consent", stop)
    assert {each["state"] for each in answers} == {"done"}
    delivery.deliver()
    message = Message.objects.get()
    assert (message.state, message.reason) == ("blocked", "consent_withdrawn")
    withdrawn = ConsentReceipt.objects.filter(contact=chiara, action="withdrawn")
    assert sorted(withdrawn.values_list("channel", flat=True)) == ["call", "email", "sms", "whatsapp"]
    assert TillEntry.objects.filter(kind="consent").count() == 1


def test_a_void_takes_back_what_the_purchase_told(bruno: Till) -> None:
    buyer = elena(bruno)
    campaign = cast.publish(cast.wait(), cast.mail(), **cast.BOUGHT_IS_THE_END)
    cast.enter(campaign, buyer)
    cast.work()
    bruno.do("purchase", {"contact": publicids.encode("ctc", buyer.pk), "amount": "42.50"}, clock.now())
    cast.work()
    order = Order.objects.get()
    assert {each["state"] for each in five_times(bruno, "void", {"order": order.order_id})} == {"done"}
    cast.work()
    order.refresh_from_db()
    assert order.state == "cancelled"
    assert Event.objects.filter(name="Order Cancelled").count() == 1
