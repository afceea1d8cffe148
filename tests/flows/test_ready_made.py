"""The ready-made campaigns of the gallery, each walked from the door to the last number in each language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from campaigns import gallery, lifecycle
from campaigns.models import Campaign
from channels.models import SandboxMessage
from crm import clock, publicids
from tests.flows.conftest import Shop

pytestmark = pytest.mark.usefixtures("ledger_holds")
LANGUAGES = ("en", "es", "ru")
Wait = Callable[..., None]

# What the first message of each says, in each language: its subject begins so, its text has it.
SAID = {
    "welcome": {
        "en": ("Welcome, Elena", "Your card is ready"),
        "es": ("", "tarjeta"),
        "ru": ("Добро пожаловать, Elena", "Ваша карта готова"),
    },
    "win_back": {
        "en": ("We have missed you", "It has been a while"),
        "es": ("", "https://shop.example/new"),
        "ru": ("Мы по вам соскучились", "Давно не виделись"),
    },
    "thank_you": {
        "en": ("Thank you, Elena", "We have your order o-1"),
        "es": ("Gracias, Elena", "o-1"),
        "ru": ("Спасибо, Elena", "Мы получили ваш заказ o-1"),
    },
}


def publish(slug: str, language: str) -> Campaign:
    """Begun from the gallery, as the page does; nobody is held out, so that the story has one ending."""
    campaign = gallery.start(slug, language, "user:1", clock.now())
    Campaign.objects.filter(pk=campaign.pk).update(document=campaign.document | {"holdout_pct": 0})
    campaign.refresh_from_db()
    lifecycle.publish(campaign, "user:1", clock.now())
    return campaign


def elena(shop: Shop, *purposes: str) -> dict[str, str]:
    """Elena, who said yes by e-mail to these purposes."""
    who = shop.customer("Elena")
    for purpose in purposes:
        shop.post("consents/", {
            "contact": who, "purpose": purpose, "channel": "email", "action": "granted", "basis": "consent",
            "method": "web_form", "source": "checkout",
        })  # fmt: skip
    return who


def mails() -> list[SandboxMessage]:
    found = list(SandboxMessage.objects.filter(channel="email").order_by("id"))
    for mail in found:
        assert "{{" not in mail.subject + mail.text + mail.html
    return found


def check(mail: SandboxMessage, slug: str, language: str) -> None:
    subject, text = SAID[slug][language]
    assert mail.subject.startswith(subject)
    assert text in mail.text
    if language != "en":
        english_subject, english_text = SAID[slug]["en"]
        assert not mail.subject.startswith(english_subject)
        assert english_text not in mail.text


def adds_up(shop: Shop, campaign: Campaign) -> dict[str, Any]:
    found: dict[str, Any] = shop.get(f"campaigns/{publicids.encode('cmp', campaign.pk)}/waterfall/")
    assert found["difference"] == 0
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_elena_is_welcomed_and_reminded_until_she_buys(shop: Shop, wait: Wait, language: str) -> None:
    who = elena(shop, "loyalty")
    campaign = publish("welcome", language)
    shop.event(who, "Card Linked", card="2910004848219")
    wait(minutes=5)
    [mail] = mails()
    check(mail, "welcome", language)
    wait(days=4)
    assert len(mails()) == 2  # three days without a purchase, then a morning
    shop.event(who, "Order Completed", order_id="o-1", total="50.00", currency="EUR")
    wait(days=3)
    assert len(mails()) == 2
    assert adds_up(shop, campaign)["converted"] == 1


def test_who_buys_after_the_welcome_gets_no_hint(shop: Shop, wait: Wait) -> None:
    who = elena(shop, "loyalty")
    campaign = publish("welcome", "en")
    shop.event(who, "Card Linked", card="2910004848219")
    wait(minutes=5)
    wait(days=1)
    shop.event(who, "Order Completed", order_id="o-1", total="50.00", currency="EUR")
    wait(days=5)
    assert len(mails()) == 1
    assert adds_up(shop, campaign)["converted"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_elena_who_stopped_buying_is_won_back(shop: Shop, wait: Wait, language: str) -> None:
    who = elena(shop)
    for number in range(3):
        shop.event(who, "Order Completed", order_id=f"old-{number}", total="80.00", currency="EUR")
    wait(days=200)
    campaign = publish("win_back", language)
    wait(days=1)
    [mail] = mails()
    check(mail, "win_back", language)
    shop.event(who, "Order Completed", order_id="o-1", total="90.00", currency="EUR")
    wait(days=1)
    found = adds_up(shop, campaign)
    assert (found["entered"], found["converted"]) == (1, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_elena_is_thanked_for_each_order_once(shop: Shop, wait: Wait, language: str) -> None:
    who = elena(shop)
    campaign = publish("thank_you", language)
    shop.event(who, "Order Completed", order_id="o-1", total="50.00", currency="EUR")
    wait(minutes=5)
    [mail] = mails()
    check(mail, "thank_you", language)
    shop.event(who, "Order Completed", order_id="o-1", total="50.00", currency="EUR")  # the shop says it twice
    shop.event(who, "Order Completed", order_id="o-2", total="20.00", currency="EUR")
    wait(minutes=5)
    assert len(mails()) == 2
    assert adds_up(shop, campaign)["entered"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_elena_is_reminded_of_her_cart(shop: Shop, wait: Wait, language: str) -> None:
    who = elena(shop)
    campaign = publish("abandoned_cart", language)
    shop.event(
        who, "Product Added", cart_id="c1", sku="boot", product_id="boot", name="Boot", price="120.00",
        currency="EUR", quantity=1,
    )  # fmt: skip
    wait(minutes=70)
    [mail] = mails()
    assert mail.subject.startswith("Elena, ")
    assert ("still yours" in mail.subject) == (language == "en")
    wait(days=3)
    [text] = SandboxMessage.objects.filter(channel="sms")
    assert text.text.startswith("Elena, 10")
    shop.event(who, "Order Completed", order_id="o-1", cart_id="c1", total="120.00", currency="EUR")
    wait(days=1)
    assert len(mails()) == 1
    assert adds_up(shop, campaign)["converted"] == 1
