"""Ada the marketer makes segments and campaigns over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Campaign
from channels.models import Message
from crm import clock, publicids
from crm.models import Address, Contact, Segment
from tests.api.cart import CART, MANUAL
from tests.api.conftest import Speaker
from tests.api.test_rest import codes

IN_SPAIN = {"all": [{"f": "contact.country", "op": "is", "v": "ES"}]}


def contact(shop: Speaker, email: str, **more: Any) -> str:
    return str(shop.post("contacts/", {"identifiers": [{"kind": "email", "value": email}]} | more).json()["id"])


@pytest.fixture
def people(shop: Speaker) -> tuple[str, str]:
    return contact(shop, "ada@example.com", country="ES"), contact(shop, "dario@example.com", country="IT")


# Segments


def test_a_segment_is_made_listed_counted_and_explained(shop: Speaker, people: tuple[str, str]) -> None:
    ada, _dario = people
    made = shop.post("segments/", {"name": "Spain", "rule": IN_SPAIN})
    assert made.status_code == 201, made.content
    segment = made.json()
    assert segment["id"].startswith("seg_")
    assert segment["count"] == 1
    assert segment["sentence"]
    assert [row["id"] for row in shop.get(f"segments/{segment['id']}/members/").json()["data"]] == [ada]
    counted = shop.post("segments/count/", {"rule": IN_SPAIN}).json()
    assert (counted["count"], counted["sample"]) == (1, [ada])
    assert [clause["count"] for clause in counted["per_clause"]] == [1]
    answer = shop.post(f"segments/{segment['id']}/explain/", {"contact": {"email": "dario@example.com"}}).json()
    assert answer["matches"] is False
    (clause,) = answer["clauses"]
    assert (clause["matches"], clause["seen"]) == (False, "IT")
    assert [row["id"] for row in shop.get("segments/").json()["data"]] == [segment["id"]]


def test_a_segment_may_be_changed(shop: Speaker, people: tuple[str, str]) -> None:
    made = shop.post("segments/", {"name": "Spain", "rule": IN_SPAIN}).json()
    italy = {"all": [{"f": "contact.country", "op": "is", "v": "IT"}]}
    changed = shop.patch(f"segments/{made['id']}/", {"rule": italy}).json()
    assert (changed["revision"], changed["name"]) == (2, "Spain")
    assert [row["id"] for row in shop.get(f"segments/{made['id']}/members/").json()["data"]] == [people[1]]


def test_mistakes_in_a_rule_name_their_places(shop: Speaker) -> None:
    rule = {"all": [{"f": "contact.country", "op": "near", "v": "ES"}, {"f": "nothing.here", "op": "is", "v": 1}]}
    answer = shop.post("segments/", {"name": "x", "rule": rule})
    assert answer.status_code == 422
    places = [entry["pointer"] for entry in answer.json()["errors"]]
    assert any(place.startswith("/rule/all/0") for place in places)
    assert any(place.startswith("/rule/all/1") for place in places)
    assert shop.post("segments/count/", {"rule": rule}).status_code == 422
    assert shop.post("segments/", {"name": "", "rule": IN_SPAIN}).status_code == 422
    assert codes(shop.post("segments/", {"name": "x", "rule": []}), 422) == [("/rule", "object")]
    assert not Segment.objects.exists()


# Campaigns


def test_the_abandoned_cart_is_made_published_paused_and_stopped(shop: Speaker) -> None:
    made = shop.post("campaigns/", CART)
    assert made.status_code == 201, made.content
    campaign = made.json()
    assert campaign["id"].startswith("cmp_")
    assert campaign["status"] == "draft"
    assert campaign["version"] is None
    address = f"campaigns/{campaign['id']}"
    published = shop.post(f"{address}/publish/")
    assert published.status_code == 200, published.content
    live = shop.get(f"{address}/").json()
    assert (live["status"], live["version"]) == ("live", 1)
    assert shop.post(f"{address}/pause").json()["status"] == "paused"
    assert shop.post(f"{address}/resume/").json()["status"] == "live"
    assert shop.post(f"{address}/finish/").json()["status"] == "finished"
    assert shop.post(f"{address}/stop/").json()["status"] == "stopped"
    assert codes(shop.post(f"{address}/resume/"), 409) == [("", "wrong_state")]
    assert [row["id"] for row in shop.get("campaigns/?status=stopped").json()["data"]] == [campaign["id"]]
    assert shop.get("campaigns/?status=live").json()["data"] == []


def test_a_change_replaces_the_keys_that_are_given(shop: Speaker) -> None:
    campaign = shop.post("campaigns/", CART).json()
    address = f"campaigns/{campaign['id']}/"
    changed = shop.patch(address, {"name": "Cart, softer", "holdout_pct": 20, "revision": 1}).json()
    assert (changed["name"], changed["revision"], changed["document"]["holdout_pct"]) == ("Cart, softer", 2, 20)
    assert changed["document"]["steps"][0]["id"] == "e1"
    assert codes(shop.patch(address, {"name": "Too late", "revision": 1}), 409) == [("/revision", "stale")]
    assert shop.get(address).json()["name"] == "Cart, softer"


def test_mistakes_in_a_campaign_come_all_at_once(shop: Speaker) -> None:
    wrong = CART | {"purpose": "spam", "colour": "red", "steps": [{"id": "e1", "type": "send.pigeon", "config": {}}]}
    answer = shop.post("campaigns/", wrong)
    assert answer.status_code == 422, answer.content
    places = {entry["pointer"] for entry in answer.json()["errors"]}
    assert {"/purpose", "/colour"} <= places
    assert any(place.startswith("/steps/0") for place in places)
    nowhere = MANUAL | {"entry": [{"type": "segment", "segment": "seg_zz", "mode": "joins"}]}
    assert codes(shop.post("campaigns/", nowhere), 422) == [("/entry/0/segment", "not_found")]
    assert codes(shop.post("campaigns/", [CART]), 422) == [("", "invalid")]
    assert not Campaign.objects.exists()


def test_dario_is_let_in_by_hand_and_it_can_be_seen_where_he_is(shop: Speaker, people: tuple[str, str]) -> None:
    _, dario = people
    campaign = shop.post("campaigns/", MANUAL).json()["id"]
    address = f"campaigns/{campaign}"
    by_mail = {"contact": {"email": "dario@example.com"}}
    early = shop.post(f"{address}/trigger/", by_mail)
    assert (early.status_code, early.json()) == (202, {"run": None, "reason": "not_started"})
    shop.post(f"{address}/publish/")
    entered = shop.post(f"{address}/trigger/", by_mail | {"properties": {"why": "he asked"}})
    assert entered.status_code == 202
    assert entered.json()["run"].startswith("run_")
    again = shop.post(f"{address}/trigger/", by_mail).json()
    assert again["run"] is None
    assert again["reason"] in {"already_inside", "reentry_never"}
    nobody = shop.post(f"{address}/trigger/", {"contact": {"email": "nobody@example.com"}})
    assert codes(nobody, 404) == [("/contact", "not_found")]

    (run,) = shop.get(f"{address}/runs/?contact={dario}").json()["data"]
    assert (run["id"], run["contact"], run["version"]) == (entered.json()["run"], dario, 1)
    assert run["visits"][0]["reason"] == "entered"
    assert shop.get(f"{address}/runs/?email=ada@example.com").json()["data"] == []

    numbers = shop.get(f"{address}/waterfall/").json()
    assert (numbers["audience"], numbers["entered"], numbers["difference"]) == (1, 1, 0)
    people_in = shop.get(f"{address}/waterfall/people/?number=entered").json()["data"]
    assert people_in == [{"contact": dario, "times": 1}]
    assert codes(shop.get(f"{address}/waterfall/people/"), 422) == [("/number", "not_a_number")]

    told = shop.get(f"contacts/{dario}/explain/?campaign={campaign}").json()
    assert told["entered"] is True
    assert told["runs"][0]["id"] == run["id"]
    assert [each["reason"] for each in told["refusals"]] == [again["reason"]]
    ada = shop.get(f"contacts/{people[0]}/explain/?campaign={campaign}&at=2099-01-01T00:00:00Z").json()
    assert (ada["entered"], ada["runs"], ada["refusals"]) == (False, [], [])
    assert codes(shop.get(f"contacts/{dario}/explain/"), 422) == [("/campaign", "required")]
    assert codes(shop.get(f"contacts/{dario}/explain/?campaign={campaign}&at=noon"), 422) == [("/at", "instant")]
    counts = shop.get(f"{address}/").json()["counts"]
    assert (counts["entered"], counts["active"], counts["messages"]) == (1, 1, {})


def test_a_campaign_says_who_may_be_reached_on_which_channel(shop: Speaker, people: tuple[str, str]) -> None:
    campaign = shop.post("campaigns/", CART).json()["id"]
    told = shop.get(f"contacts/{people[0]}/explain/?campaign={campaign}").json()
    assert [(each["channel"], each["allowed"], each["reason"]) for each in told["channels"]] == [
        ("email", False, "consent_missing"),
        ("sms", False, "no_address"),
    ]
    shop.post(
        "consents/",
        {
            "contact": {"id": people[0]},
            "purpose": "offers",
            "channel": "email",
            "action": "granted",
            "method": "web_form",
            "source": "join page",
        },
    )
    (email, _) = shop.get(f"contacts/{people[0]}/explain/?campaign={campaign}").json()["channels"]
    assert email["allowed"] is True
    assert email["receipt"].startswith("rcp_")


# Messages


def test_messages_are_listed_by_what_became_of_them(shop: Speaker, people: tuple[str, str]) -> None:
    asked = "messages/?state=deferred&reason=quiet_hours&channel=email"
    assert shop.get(asked).json() == {"data": [], "next": None}
    assert codes(shop.get("messages/?state=lost"), 422) == [("/state", "invalid_choice")]
    assert codes(shop.get("messages/?campaign=seg_1"), 422) == [("/campaign", "not_an_id")]
    assert shop.get(f"messages/?contact={people[0]}").json()["data"] == []
    assert codes(shop.get("messages/msg_zz/"), 404) == [("", "not_found")]


def test_a_message_shows_a_hint_of_its_address_and_what_it_waits_for(shop: Speaker, people: tuple[str, str]) -> None:
    now = clock.now()
    address = Address.objects.get(value="ada@example.com")
    made = [
        Message.objects.create(
            contact=Contact.objects.earliest("id"),
            address=address,
            channel="email",
            state="due",
            purpose="offers",
            due_at=due_at,
            reason=reason,
            campaign_id=5,
            step=f"e{n}",
        )
        for n, (due_at, reason) in enumerate(
            [(now, ""), (now + timedelta(days=1), ""), (now + timedelta(days=1), "quiet_hours")]
        )
    ]
    words = {"due": made[0], "planned": made[1], "deferred": made[2]}
    for word, message in words.items():
        (shown,) = shop.get(f"messages/?state={word}&campaign={publicids.encode('cmp', 5)}").json()["data"]
        assert shown["id"] == publicids.encode("msg", message.pk)
        assert (shown["state"], shown["contact"], shown["step"]) == (word, people[0], message.step)
        assert shown["address_hint"] == "a…@example.com"
        assert shop.get(f"messages/{shown['id']}/").json() == shown
    assert len(shop.get("messages/?email=ada@example.com").json()["data"]) == 3
    assert shop.get("messages/?reason=quiet_hours").json()["data"][0]["reason"] == "quiet_hours"
