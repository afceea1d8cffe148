"""The abandoned cart of the articles, from the shop's events to the last number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channels.models import SandboxMessage
from crm import clock
from tests.flows.conftest import Shop

pytestmark = pytest.mark.usefixtures("ledger_holds")


@pytest.fixture
def catalogue(shop: Shop) -> None:
    shop.post("products/", [
        {"sku": "boot", "name": "Mountain boot", "url": "https://shop.example/boot", "categories": ["boots"],
         "price": {"amount": "120.00", "currency": "EUR"}},
        {"sku": "sock", "name": "Wool sock", "url": "https://shop.example/sock", "categories": ["socks"],
         "price": {"amount": "12.00", "currency": "EUR"}},
    ])  # fmt: skip
    stock(shop, "boot", 7)
    stock(shop, "sock", 40)


def stock(shop: Shop, sku: str, available: int) -> None:
    shop.post("stock/", {"sku": sku, "store": "online", "available": available, "at": clock.now().isoformat()})


def add(shop: Shop, who: dict[str, str], cart: str, sku: str, price: str, quantity: int = 1) -> None:
    shop.event(
        who, "Product Added", cart_id=cart, sku=sku, product_id=sku, price=price, currency="EUR", quantity=quantity
    )


def outcomes(shop: Shop, campaign: str, who: dict[str, str]) -> dict[str, str]:
    contact = next(iter(shop.get(f"contacts/?email={who['email']}")["data"]))["id"]
    runs = shop.get(f"campaigns/{campaign}/runs/?contact={contact}")["data"]
    return {run["key"]: run["outcome"] or run["state"] for run in runs}


def mails() -> list[SandboxMessage]:
    return list(SandboxMessage.objects.filter(channel="email").order_by("id"))


def texts() -> list[SandboxMessage]:
    return list(SandboxMessage.objects.filter(channel="sms").order_by("id"))


def test_elena_leaves_a_cart_and_is_written_to_on_two_channels(
    shop: Shop, catalogue: None, example: Any, wait: Any
) -> None:
    elena = shop.customer("Elena")
    campaign = shop.campaign(example("abandoned_cart"))
    shop.event(elena, "Product Viewed", sku="sock", product_id="sock", name="Wool sock")
    add(shop, elena, "c1", "boot", "120.00")
    wait(minutes=40)
    add(shop, elena, "c1", "sock", "12.00", quantity=2)
    wait(minutes=40)
    assert mails() == []  # it has been quiet for 40 minutes only: the timer began anew
    stock(shop, "boot", 2)
    wait(minutes=25)
    [mail] = mails()
    assert "Elena" in mail.subject
    assert "Mountain boot" in mail.text
    assert "(2 left)" in mail.text  # the units at this moment
    assert "Wool sock" in mail.text  # the latest lines, not those of the first event
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    wait(days=1, hours=23)
    assert texts() == []
    wait(hours=2)
    [text] = texts()
    assert "Wool sock" in text.text  # the product looked at
    assert outcomes(shop, campaign, elena) == {"c1": "completed"}
    assert shop.get(f"campaigns/{campaign}/waterfall/")["difference"] == 0


def test_chiara_said_no_to_text_messages_and_ends_with_that_reason(
    shop: Shop, catalogue: None, example: Any, wait: Any
) -> None:
    chiara = shop.customer("Chiara", sms=False)
    campaign = shop.campaign(example("abandoned_cart"))
    add(shop, chiara, "c1", "boot", "120.00")
    wait(hours=1, minutes=1)
    wait(days=2, minutes=1)
    assert len(mails()) == 1
    assert texts() == []
    assert outcomes(shop, campaign, chiara) == {"c1": "dropped"}
    contact = shop.get(f"contacts/?email={chiara['email']}")["data"][0]["id"]
    [run] = shop.get(f"campaigns/{campaign}/runs/?contact={contact}")["data"]
    assert [visit["port"] for visit in run["visits"] if visit["step"] == "text_allowed"] == ["else"]


def test_a_cart_that_is_sold_out_is_skipped_with_its_reason(
    shop: Shop, catalogue: None, example: Any, wait: Any
) -> None:
    dario = shop.customer("Dario")
    campaign = shop.campaign(example("abandoned_cart"))
    add(shop, dario, "c1", "boot", "120.00")
    wait(minutes=30)
    stock(shop, "boot", 0)
    wait(minutes=31)
    assert mails() == []
    [message] = shop.messages(campaign)
    assert (message["state"], message["reason"]) == ("blocked", "out_of_stock")
    assert shop.get(f"campaigns/{campaign}/waterfall/")["skipped"] == {"out_of_stock": 1}


@pytest.mark.parametrize("moment", ["before the mail", "after the mail"])
@pytest.mark.parametrize("place", ["web with the cart", "till without any"])
def test_a_purchase_at_any_moment_stops_everything(
    shop: Shop, catalogue: None, example: Any, wait: Any, moment: str, place: str
) -> None:
    elena = shop.customer("Elena")
    campaign = shop.campaign(example("abandoned_cart"))
    add(shop, elena, "c1", "boot", "120.00")
    wait(minutes=30 if moment == "before the mail" else 61)
    shop.post("orders/", {
        "contact": elena, "order_id": "o1", "occurred_at": clock.now().isoformat(),
        "total": {"amount": "120.00", "currency": "EUR"}, "channel": "web" if place.startswith("web") else "store",
        **({"cart_id": "c1"} if place.startswith("web") else {}),
        "lines": [{"sku": "boot", "quantity": 1, "price": {"amount": "120.00", "currency": "EUR"}}],
    })  # fmt: skip
    sent = len(mails())
    wait(days=3)
    assert len(mails()) == sent == (0 if moment == "before the mail" else 1)
    assert texts() == []
    if sent:
        assert outcomes(shop, campaign, elena) == {"c1": "converted"}
    assert shop.get(f"campaigns/{campaign}/waterfall/")["difference"] == 0


def test_two_carts_of_one_person_stay_apart(shop: Shop, catalogue: None, example: Any, wait: Any) -> None:
    elena = shop.customer("Elena")
    campaign = shop.campaign(example("abandoned_cart"))
    add(shop, elena, "boots", "boot", "120.00")
    add(shop, elena, "socks", "sock", "12.00")
    wait(minutes=61)
    assert len(mails()) == 2
    shop.post("orders/", {
        "contact": elena, "order_id": "till-1", "occurred_at": clock.now().isoformat(), "channel": "store",
        "total": {"amount": "12.00", "currency": "EUR"},
        "lines": [{"sku": "sock", "quantity": 1, "price": {"amount": "12.00", "currency": "EUR"}}],
    })  # fmt: skip
    wait(seconds=1)
    assert outcomes(shop, campaign, elena) == {"boots": "waiting", "socks": "converted"}
    wait(days=2, minutes=1)
    assert len(texts()) == 1
    assert outcomes(shop, campaign, elena) == {"boots": "completed", "socks": "converted"}


def test_an_unsubscribe_blocks_what_is_queued(shop: Shop, catalogue: None, example: Any, wait: Any) -> None:
    elena = shop.customer("Elena")
    campaign = shop.campaign(example("abandoned_cart"))
    add(shop, elena, "c1", "boot", "120.00")
    wait(minutes=61)
    [mail] = mails()
    link = mail.headers["List-Unsubscribe"].split(">")[0].strip("<")
    path = "/" + link.split("/", 3)[3]
    assert shop.http.get(path).status_code == 200
    standing = shop.get(f"consents/?contact={shop.get('contacts/?email=elena@example.com')['data'][0]['id']}")
    assert "withdrawn" not in str(standing)  # looking changes nothing
    assert shop.http.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    add(shop, elena, "c2", "sock", "12.00")
    wait(minutes=61)
    assert len(mails()) == 1
    reasons = {message["reason"] for message in shop.messages(campaign) if message["state"] == "blocked"}
    assert reasons == {"consent_withdrawn"}


def test_facts_of_yesterday_start_nothing(shop: Shop, catalogue: None, example: Any, wait: Any) -> None:
    elena = shop.customer("Elena")
    campaign = shop.campaign(example("abandoned_cart"))
    shop.post("events/", {
        "contact": elena, "name": "Product Added", "occurred_at": (clock.now() - timedelta(days=2)).isoformat(),
        "properties": {"cart_id": "old", "sku": "boot", "price": "120.00", "currency": "EUR", "quantity": 1},
    })  # fmt: skip
    wait(hours=2)
    assert mails() == []
    assert shop.get(f"campaigns/{campaign}/waterfall/")["not_entered"] == {"too_old": 1}
