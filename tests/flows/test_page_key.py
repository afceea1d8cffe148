"""Somebody takes the key out of the shop's page and says with it whatever they like; who gets a message then?"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from channels.models import Message, SandboxMessage
from crm import apikeys
from tests.flows.conftest import Shop

pytestmark = pytest.mark.usefixtures("ledger_holds")

Say = Callable[..., None]
MARTA, EVIL = "marta@example.com", "+34666000666"
BOOT = {"cart_id": "c9", "sku": "boot", "name": "Boot", "price": "120.00", "currency": "EUR", "quantity": 1}


@pytest.fixture
def say(shop: Shop) -> Callable[..., None]:
    """With the key that everybody can read in the page."""
    del shop
    key = apikeys.create("tracking", "site")

    def tell(kind: str, **body: Any) -> None:
        answer = Client().post(f"/v1/{kind}", json.dumps({**body, "writeKey": key}), content_type="text/plain")
        assert answer.json() == {"success": True}

    return tell


@pytest.fixture
def boots(shop: Shop) -> None:
    shop.post("products/", [{"sku": "boot", "name": "Boot", "price": {"amount": "120.00", "currency": "EUR"}}])


def recipients() -> set[str]:
    return set(SandboxMessage.objects.values_list("recipient", flat=True))


def test_martas_permission_sends_nothing_to_the_phone_of_whoever_claims_her_address(
    shop: Shop, boots: None, say: Say, example: Any, wait: Any
) -> None:
    shop.customer("Marta")
    shop.campaign(example("abandoned_cart"))
    say("identify", anonymousId="evil", userId="evil-1", traits={"email": MARTA, "phone": EVIL})
    say("track", anonymousId="evil", userId="evil-1", event="Product Added", properties=BOOT)
    wait(hours=2)
    wait(days=3)
    assert recipients() == set()
    assert not Message.objects.filter(state="sent").exists()


def test_whoever_claimed_her_address_before_she_joined_gets_nothing_by_her_permission(
    shop: Shop, boots: None, say: Say, example: Any, wait: Any
) -> None:
    say(
        "identify",
        anonymousId="evil",
        userId="evil-1",
        traits={"email": MARTA, "phone": EVIL, "firstName": "evil.example"},
    )
    shop.post("contacts/", {"identifiers": [{"kind": "email", "value": MARTA}], "country": "ES", "consents": [
        {"purpose": "offers", "channel": channel, "action": "granted", "basis": "consent", "method": "web_form",
         "source": "checkout"} for channel in ("email", "sms")]})  # fmt: skip
    shop.campaign(example("abandoned_cart"))
    say("identify", anonymousId="evil", userId="evil-1", traits={"phone": EVIL, "firstName": "evil.example"})
    shop.event({"email": MARTA}, "Product Added", **BOOT)
    wait(hours=2)
    wait(days=3)
    assert recipients() == {MARTA}
    assert not SandboxMessage.objects.filter(subject__contains="evil").exists()


def test_who_is_logged_in_on_the_page_is_reminded_of_the_cart(
    shop: Shop, boots: None, say: Say, example: Any, wait: Any
) -> None:
    """What the key is for: the shop knows Elena by her number, the page tells what she does."""
    shop.customer("Elena")
    shop.post("contacts/", {"identifiers": [{"kind": "email", "value": "elena@example.com"},
                                            {"kind": "external_id", "value": "elena-1"}]})  # fmt: skip
    shop.campaign(example("abandoned_cart"))
    say("track", anonymousId="her-browser", userId="elena-1", event="Product Added", properties=BOOT)
    wait(hours=2)
    assert recipients() == {"elena@example.com"}


def test_a_visitor_who_says_yes_after_the_page_said_who_they_are_is_reminded_too(
    shop: Shop, boots: None, say: Say, example: Any, wait: Any
) -> None:
    say("identify", userId="u-7", traits={"email": "dario@example.com"})
    shop.post("consents/", {"contact": {"email": "dario@example.com"}, "purpose": "offers", "channel": "email",
              "action": "granted", "basis": "consent", "method": "web_form", "source": "checkout"})  # fmt: skip
    shop.campaign(example("abandoned_cart"))
    say("track", userId="u-7", event="Product Added", properties=BOOT)
    wait(hours=2)
    assert recipients() == {"dario@example.com"}
