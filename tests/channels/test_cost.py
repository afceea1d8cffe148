"""What a message cost is kept with it, at the price of the day, by the parts it was billed by."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from channels import accounts, content
from channels.kinds import sms
from channels.models import Account, Message, SandboxMessage
from channels.outbox import delivery
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Any:
    settings.CAUCE_MODE = "live"
    accounts.ensure()
    accounts.forget()
    content.forget()
    people.at_noon()
    yield
    accounts.forget()


def test_an_sms_costs_what_its_parts_cost() -> None:
    Account.objects.filter(channel="sms").update(cost=Decimal("0.055"))
    text = content.publish("sms", {"text": "Mañana será otro día"})  # á makes it Unicode: 70 letters a part
    people.ask(people.people(1, granted=("sms",)), channel="sms", content_id=text)
    while delivery.deliver():
        pass
    sent = Message.objects.get()
    assert sent.state == "accepted"
    parts = sms.measure(SandboxMessage.objects.get().text).parts
    assert parts > 1
    assert sent.cost == Decimal("0.055") * parts


def test_a_later_price_changes_nothing_of_what_was_sent() -> None:
    Account.objects.filter(channel="email").update(cost=Decimal("0.001"))
    people.ask(people.people(2))
    while delivery.deliver():
        pass
    Account.objects.filter(channel="email").update(cost=Decimal(9))
    assert set(Message.objects.values_list("cost", flat=True)) == {Decimal("0.001")}


def test_what_was_never_sent_costs_nothing() -> None:
    (chiara,) = people.people(1)
    people.withdraw(chiara)
    people.ask([chiara])
    while delivery.deliver():
        pass
    assert Message.objects.get().cost is None
