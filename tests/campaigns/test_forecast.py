"""What is foretold of a campaign: by hand on paper, and against what then happens."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from campaigns import forecast, journey, prospects
from campaigns.forecast import Arrivals, Price, Somebody
from campaigns.models import Campaign
from channels import accounts, states
from channels.models import Account, Message
from channels.outbox import delivery
from crm import clock
from crm.models import Contact
from tests.campaigns import cart, cast, office

EVERYWHERE = Somebody(reach=frozenset({"email", "sms"}))
NOWHERE = Somebody()


def plan(*steps: dict[str, Any], **top: Any) -> Any:
    return journey.compile(cart.campaign(*steps, **{"holdout_pct": 0, **top}))


def sms(name: str = "m1") -> dict[str, Any]:
    return {"id": name, "type": "send.sms", "config": {"text": "We kept it"}}


def foretold(made: Any, arrivals: Arrivals, *people: Somebody, price: Price | None = None, **known: Any) -> Any:
    return forecast.of(made, arrivals, people or [EVERYWHERE], price or Price(), known)


def test_everybody_at_once_gets_a_mail() -> None:
    found = foretold(plan(cart.email()), Arrivals(at_once=200), EVERYWHERE, NOWHERE)
    assert found.messages == {"email": pytest.approx(100)}
    assert found.arrivals == 200


def test_held_out_people_get_nothing() -> None:
    found = foretold(plan(cart.email(), holdout_pct=10), Arrivals(at_once=200))
    assert found.messages == {"email": pytest.approx(180)}
    assert found.held_out == pytest.approx(20)


def test_of_a_month_seven_days_count() -> None:
    found = foretold(plan(cart.email()), Arrivals(month=300))
    assert found.messages == {"email": pytest.approx(70)}


def test_who_waits_too_long_is_not_there_yet() -> None:
    two_mails = plan(cart.email("a"), cart.wait("w", 3, "days"), cart.email("b"))
    found = foretold(two_mails, Arrivals(month=300))
    assert found.steps == {"a": pytest.approx(70), "b": pytest.approx(70 * 4 / 7)}
    found = foretold(plan(cart.email("a"), cart.wait("w", 8, "days"), cart.email("b")), Arrivals(at_once=100))
    assert found.messages == {"email": pytest.approx(100)}


def test_a_date_beyond_the_days_brings_nobody() -> None:
    assert foretold(plan(cart.email()), Arrivals(at_once=100, after=8 * 86_400.0)).messages == {}


def test_rules_are_asked_of_each_and_splits_deal() -> None:
    split = cart.step("split.rule", "s", [cart.lane("sms", sms(), when=cart.rule()), cart.lane("else", cart.email())])
    yes = Somebody({"s:sms": True}, frozenset({"email", "sms"}))
    found = foretold(plan(split), Arrivals(at_once=100), yes, EVERYWHERE, EVERYWHERE, EVERYWHERE)
    assert found.messages == {"sms": pytest.approx(25), "email": pytest.approx(75)}
    dealt = cart.step(
        "split.random", "r", [cart.lane("a", cart.email(), weight=1), cart.lane("b", sms(), weight=3)]
    )  # fmt: skip
    assert foretold(plan(dealt), Arrivals(at_once=100)).messages["sms"] == pytest.approx(75)


def test_what_nobody_can_know_goes_as_it_went_or_in_equal_shares() -> None:
    wait = cart.step(
        "wait.event", "w", [cart.lane("came", sms()), cart.lane("timeout", cart.email())],
        branches=[{"label": "came", "event": "Product Viewed"}], timeout={"value": 1, "unit": "days"},
    )  # fmt: skip
    assert foretold(plan(wait), Arrivals(at_once=100)).messages["sms"] == pytest.approx(50)
    found = foretold(plan(wait), Arrivals(at_once=100), w={"came": 10, "timeout": 90})
    assert found.messages == {"sms": pytest.approx(10), "email": pytest.approx(90)}


def test_a_text_costs_its_parts() -> None:
    price = Price({"sms": 0.05, "email": 0.001}, {"m1": 2})
    found = foretold(plan(cart.email(), sms()), Arrivals(at_once=100), price=price)
    assert found.cost == pytest.approx(100 * 0.001 + 100 * 2 * 0.05)


def test_a_loop_comes_to_an_end() -> None:
    looping = plan(
        cart.email("a"), cart.wait("w", 1, "days"),
        {"id": "g", "type": "goto", "config": {"step": "a", "max_visits": 3}},
    )  # fmt: skip
    assert 100 < foretold(looping, Arrivals(at_once=100)).messages["email"] < 300


# --- against what happens ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_forecast_of_a_cart_campaign_comes_true() -> None:
    """A month of carts, then a week of the same with the campaign live: ± 20 %."""
    cast.at_noon()
    office.house(cap_messages=100)
    document = cast.document(
        cast.mail("mail"),
        cast.wait("two_days"),
        cart.step("split.rule", "text", [
            cart.lane("sms", sms("m"), when={"all": [{"f": "reachable.sms", "op": "is", "v": True}]}),
            cart.lane("else", cast.leave("out")),
        ]),
        **{**cast.CART, "holdout_pct": 10, "objective": "cart"},
    )  # fmt: skip
    crowd = cast.people(600)
    for number, contact in enumerate(crowd):  # whom chance keeps apart is the same in every run
        Contact.objects.filter(pk=contact.pk).update(draw=uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    cast.allow(crowd[:360], "email")
    cast.allow(crowd[:180], "sms")
    now = clock.now()
    for number, contact in enumerate(crowd):
        at = now - timedelta(days=30 * (number + 0.5) / 600)
        cast.happen(contact, "Cart Updated", occurred_at=at, historic=True, cart_id=f"old-{number}")
    cast.react()
    live = cast.publish(*document.pop("steps"), **document)
    Campaign.objects.filter(pk=live.pk).update(salt=uuid.UUID(int=7))
    live.refresh_from_db()
    cast.forget()
    accounts.active()
    Account.objects.filter(channel="sms").update(cost="0.05")
    coming = prospects.outlook(live.pk, live.document, now)
    assert coming is not None
    for number in range(140):  # seven days at twenty a day
        cast.later(hours=1.2)
        cast.happen(crowd[(number * 97) % 600], "Cart Updated", cart_id=f"new-{number}")
        cast.work()
        while delivery.deliver():
            cast.work()
    sent = {
        channel: Message.objects.filter(campaign_id=live.pk, state__in=states.SENT, channel=channel).count()
        for channel in ("email", "sms")
    }
    for channel, number in sent.items():
        assert coming.messages[channel] == pytest.approx(number, rel=0.2), (coming, sent)
    assert coming.cost == pytest.approx(0.05 * sent["sms"], rel=0.2)
