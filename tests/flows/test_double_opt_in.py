"""Elena signs up in Germany: her yes counts when she has confirmed it from her own mailbox, and not before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from channels import tracking
from channels.models import Message, SandboxMessage
from crm import clock, consent
from crm.models import Confirmation, ConsentReceipt, Contact, Identifier
from tests.flows.conftest import Shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("ledger_holds")]
FORM = {"purpose": "offers", "channel": "email", "action": "granted", "method": "web_form", "source": "blog footer"}


def sign_up(shop: Shop, email: str = "elena@example.com", country: str = "DE", **said: Any) -> int:
    answer = shop.post(
        "contacts/",
        {"identifiers": [{"kind": "email", "value": email}], "country": country, "consents": [{**FORM, **said}]},
    )
    assert answer
    return Identifier.objects.get(kind="email", value=email).contact_id


def may(contact: int, purpose: str = "offers", channel: str = "email") -> bool:
    return isinstance(consent.allowed(contact, purpose, channel, clock.now()), consent.Allow)


def links(contact: int) -> list[str]:
    """The confirmation links in their mails, oldest first."""
    rows = SandboxMessage.objects.filter(message__contact_id=contact).order_by("pk")
    return [found[0] for row in rows if (found := re.findall(r"/k/[\w-]+", row.text))]


def test_elena_confirms_by_the_link_in_her_mail_and_may_be_written_to(shop: Shop, wait: Any) -> None:
    elena = sign_up(shop)
    assert [r.action for r in ConsentReceipt.objects.filter(contact=elena).order_by("pk")] == ["requested", "granted"]
    assert not may(elena)
    wait(seconds=1)
    (link,) = links(elena)
    browser = Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Firefox")
    for look in (browser.get, browser.head, browser.get):
        page = look(link)
        assert page.status_code == 200
        assert not page.cookies
    assert "elena@example.com" not in page.content.decode()
    assert "e•••@e•••.com" in page.content.decode()
    assert not may(elena)
    assert browser.post(link).status_code == 200
    assert browser.post(link).status_code == 200
    receipt = ConsentReceipt.objects.get(contact=elena, action="confirmed")
    assert (receipt.method, receipt.basis, receipt.source) == ("doi_email", "consent", "blog footer")
    assert receipt.evidence["ip"] == "203.0.113.7"
    assert receipt.evidence["user_agent"] == "Firefox"
    assert may(elena)
    assert Identifier.objects.get(contact=elena).verified_at is not None
    wait(days=9)
    assert len(links(elena)) == 1  # nobody reminds her of what she has done
    assert not mail.outbox


def test_in_spain_a_yes_counts_at_once_unless_the_shop_asks_for_more(shop: Shop, wait: Any) -> None:
    chiara = sign_up(shop, "chiara@example.com", "ES")
    assert may(chiara)
    asked = shop.post("consents/", {**FORM, "contact": {"email": "dario@example.com"}, "confirm": True})
    assert asked["state"] == "granted_unconfirmed"
    wait(seconds=1)
    dario = Identifier.objects.get(value="dario@example.com").contact_id
    assert not may(dario)
    assert Client().post(links(dario)[0]).status_code == 200
    assert may(dario)


def test_who_does_not_answer_is_reminded_once_and_forgotten_after_thirty_days(shop: Shop, wait: Any) -> None:
    ghost = sign_up(shop, "ghost@example.com")
    marta = sign_up(shop, "marta@example.com")
    shop.post(
        "events/", {"contact": {"email": "marta@example.com"}, "name": "Product Viewed", "properties": {"sku": "A"}}
    )
    wait(seconds=1)
    wait(days=3, minutes=1)
    wait(days=2)
    assert (len(links(ghost)), len(links(marta))) == (2, 2)
    late = links(ghost)[0]
    wait(days=3)
    page = Client().post(late)
    assert page.status_code == 410
    assert not ConsentReceipt.objects.filter(action="confirmed").exists()
    wait(days=23)
    assert not Contact.objects.filter(pk=ghost).exists()
    assert not ConsentReceipt.objects.filter(contact_id=ghost).exists()
    assert not Message.objects.filter(contact_id=ghost).exists()
    assert Contact.objects.filter(pk=marta).exists()  # she looked at something: she is somebody
    assert not may(marta)
    assert Client().get(late).status_code == 404


def test_somebody_who_said_no_is_not_signed_up_again_by_a_stranger(shop: Shop, wait: Any) -> None:
    elena = sign_up(shop, "elena@example.com", "ES")
    shop.post("consents/", {"contact": {"email": "elena@example.com"}, "purpose": "offers", "channel": "email",
                            "action": "withdrawn"})  # fmt: skip
    shop.post("consents/", {**FORM, "contact": {"email": "elena@example.com"}, "confirm": True})
    wait(seconds=1)
    assert not may(elena)
    assert Client().post(links(elena)[0]).status_code == 200
    assert may(elena)


def test_a_no_after_the_request_makes_the_link_worthless(shop: Shop, wait: Any) -> None:
    elena = sign_up(shop)
    wait(seconds=1)
    shop.post("consents/", {"contact": {"email": "elena@example.com"}, "purpose": "offers", "channel": "email",
                            "action": "withdrawn"})  # fmt: skip
    assert Client().post(links(elena)[0]).status_code == 410
    assert not may(elena)
    wait(days=4)
    assert len(links(elena)) == 1


def test_dario_types_the_code_of_his_sms_into_the_hosted_page(shop: Shop, wait: Any) -> None:
    told = {**FORM, "channel": "sms", "confirm": True}
    shop.post("consents/", {**told, "contact": {"phone": "+34600111222"}})
    dario = Identifier.objects.get(value="+34600111222").contact_id
    wait(seconds=1)
    text = SandboxMessage.objects.get(message__contact_id=dario).text
    code = re.findall(r"\b\d{6}\b", text)[0]
    assert code not in str(list(Confirmation.objects.values()))
    assert code not in str(list(Message.objects.values("context", "slots")))
    web = Client(enforce_csrf_checks=True)
    assert web.get("/k/code/").status_code == 200
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert web.post("/k/code/", {"phone": "600111222", "code": wrong}).status_code == 422
    assert not may(dario, channel="sms")
    assert web.post("/k/code/", {"phone": "600 111 222", "code": code}).status_code == 200
    assert ConsentReceipt.objects.get(contact=dario, action="confirmed").method == "doi_sms_code"
    assert may(dario, channel="sms")


def test_the_shop_passes_the_code_on_by_its_own_form(shop: Shop, wait: Any) -> None:
    shop.post("consents/", {**FORM, "channel": "sms", "confirm": True, "contact": {"phone": "+34600111222"}})
    wait(seconds=1)
    number = Message.objects.latest("pk").pk
    nobody = shop.post("consents/confirm/", {"phone": "+34699999999", "code": "123456"}, expect=422)
    right = tracking.code(number)
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        refused = shop.post("consents/confirm/", {"phone": "+34600111222", "code": wrong}, expect=422)
    assert refused["errors"] == nobody["errors"]
    shop.post("consents/confirm/", {"phone": "+34600111222", "code": right}, expect=422)  # five tries were it
    clock.advance(timedelta(minutes=2))
    Client().post("/k/code/again/", {"phone": "+34600111222"})
    wait(seconds=1)
    newer = Message.objects.latest("pk").pk
    assert newer != number
    done = shop.post("consents/confirm/", {"phone": "+34600111222", "code": tracking.code(newer)})
    assert done["confirmed"] == [{"purpose": "offers", "channel": "sms"}]
