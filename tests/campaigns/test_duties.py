"""What the law of a country wants to stand in a message is asked for before it is published, not after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import duties, prospects
from campaigns.models import Campaign, Version
from crm import apikeys, clock, publicids, sending
from crm.models import Contact
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
RATES = "Casa Norte: 10 % off, msg & data rates may apply."


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()
    office.house(name="Casa Norte", sms_sender="")


@pytest.fixture
def ada() -> Client:
    return office.at_work()


def people(*countries: str) -> list[Contact]:
    """One of each country, who allows both channels."""
    found = cast.people(len(countries))
    for contact, country in zip(found, countries, strict=True):
        Contact.objects.filter(pk=contact.pk).update(country=country)
    for channel in ("email", "sms"):
        cast.allow(found, channel)
    return found


def sms(text: str, **more: Any) -> dict[str, Any]:
    return {"id": "m1", "type": "send.sms", "config": {"text": text, **more}}


def to(contacts: list[Contact], *steps: dict[str, Any], **settings: Any) -> Campaign:
    """A draft for exactly these people."""
    segment = publicids.encode("seg", cast.segment(contacts).pk)
    entry = [{"type": "schedule", "segment": segment, "at": "2026-07-01T10:00"}]
    return office.draft(*steps, holdout_pct=10, **{**cast.BOUGHT_IS_THE_END, "entry": entry, **settings})


def lacks(campaign: Campaign) -> dict[str, bool]:
    """Code -> whether it refuses the publication."""
    return {each.code.removeprefix("duty_"): each.blocking for each in duties.findings(campaign.document, clock.now())}


MAIL = {"id": "e1", "type": "send.email", "config": {"subject": "Hello", "text": "Come and see"}}
# Per cent of a screen, and of Liquid, are no discount.
WIDE = {
    "id": "e1", "type": "send.email",
    "config": {"subject": "Hello", "html": "<p style='width:100%'>{% if contact.city %}Come{% endif %} and see</p>"},
}  # fmt: skip
OFFER = {"id": "e1", "type": "send.email", "config": {"subject": "Hello", "text": "An offer for you"}}


@pytest.mark.parametrize(
    ("country", "step", "house", "found"),
    [
        ("US", sms("Casa Norte: 10 % off"), {}, {"rates_may_apply": True}),
        ("US", sms(RATES), {}, {}),
        ("US", sms(f"{RATES} Leave: {{{{ links.unsubscribe }}}}"), {}, {"stop_word": True}),
        ("US", sms(f"{RATES} STOP: {{{{ links.unsubscribe }}}}"), {}, {}),
        ("US", sms("10 % off, rates may apply"), {}, {"sender_identity": False}),
        ("US", sms("10 % off, rates may apply", sender="CasaNorte"), {}, {}),
        ("US", sms("10 % off, rates may apply"), {"sms_sender": "CasaNorte"}, {}),
        ("ES", sms("Casa Norte: 10 % off"), {}, {}),
        ("ES", sms("We have your bag"), {}, {"sender_identity": False, "recognisable_ad": False}),
        ("CA", sms("Casa Norte: 10 % off"), {}, {}),
        ("CA", sms("Casa Norte: 10 % off"), {"postal_address": " "}, {"postal_address": True}),
        ("DE", sms("Casa Norte: 10 % off"), {"postal_address": ""}, {"imprint": True}),
        ("ES", sms("Casa Norte: 10 % off"), {"postal_address": ""}, {}),
        ("US", MAIL, {}, {"recognisable_ad": False}),
        ("US", WIDE, {}, {"recognisable_ad": False}),
        ("US", OFFER, {}, {}),
        ("FR", MAIL, {}, {}),
        ("BR", MAIL, {}, {"recognisable_ad": False}),
        ("", OFFER, {}, {}),
    ],
)
def test_a_message_lacks_what_its_country_asks_for(
    country: str, step: dict[str, Any], house: dict[str, Any], found: dict[str, bool]
) -> None:
    office.house(**house)
    assert lacks(to(people(country), step)) == found


@pytest.mark.parametrize("country", ["US", "CA"])
def test_a_mail_without_a_postal_address_is_refused_with_a_way_to_mend_it(ada: Client, country: str) -> None:
    office.house(postal_address="")
    row = to(people(country), OFFER)
    answer = ada.post(office.at(row, "publish/"), {"revision": row.revision})
    assert answer.status_code == 422
    (found,) = (each for each in answer.context["blocking"] if "postal address" in each["finding"].title)
    assert found["fix"] == "/settings/workspace/"
    assert not Version.objects.exists()
    office.house()
    assert ada.post(office.at(row, "publish/"), {"revision": row.revision}).status_code == 302


def test_a_text_to_the_united_states_is_refused_until_it_says_what_it_must(ada: Client) -> None:
    row = to(people("ES", "US"), sms("Casa Norte: 10 % off"))
    answer = ada.post(office.at(row, "publish/"), {"revision": row.revision})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "It does not say that rates may apply" in page
    assert "Asked for by: United States: texts and calls, by state" in page
    assert "journey/?step=m1&amp;tab=message" in page
    assert not Version.objects.exists()
    assert "It does not say that rates may apply" in ada.get(office.at(row, "review/outlook/")).content.decode()


def test_the_same_text_to_spain_alone_is_published(ada: Client) -> None:
    people("US")  # is in no segment of it
    row = to(people("ES"), sms("Casa Norte: 10 % off"))
    assert ada.post(office.at(row, "publish/"), {"revision": row.revision}).status_code == 302


@pytest.mark.parametrize("message_class", ["transactional", "service"])
def test_messages_that_are_no_marketing_are_asked_for_nothing(message_class: str) -> None:
    office.house(postal_address="")
    assert lacks(to(people("US"), sms("Your bag is here"), **{"class": message_class})) == {}


def test_who_comes_in_by_what_they_do_may_be_anybody() -> None:
    segment = to(people("ES"), sms("Casa Norte: 10 % off"))
    people("US")
    event = office.draft(sms("Casa Norte: 10 % off"), entry=[{"type": "event", "event": "Product Viewed"}])
    assert lacks(segment) == {}
    assert lacks(event) == {"rates_may_apply": True}


def test_a_phone_tells_the_country_of_somebody_without_one() -> None:
    (marta,) = people("")
    draft = to([marta], sms("Casa Norte: 10 % off"))
    assert duties.countries(prospects.read(draft.document), clock.now()) == {"ES"}
    marta.identifiers.filter(kind="phone").update(value="+12125550123")
    assert lacks(draft) == {"rates_may_apply": True}
    marta.identifiers.filter(kind="phone").delete()
    assert duties.countries(prospects.read(draft.document), clock.now()) == {""}


def test_a_pack_that_is_switched_off_asks_for_nothing() -> None:
    draft = to(people("US"), sms("Casa Norte: 10 % off"))
    assert lacks(draft) == {"rates_may_apply": True}
    sending.change(replace(sending.current(), packs_off=frozenset({"us-sms"})), "user:1")
    assert lacks(draft) == {}


def test_it_asks_the_same_for_one_person_and_for_forty() -> None:
    few, many = to(people(""), MAIL), to(people(*([""] * 20 + ["US", "ES"] * 10)), MAIL)
    counts = []
    for draft in (few, many, few, many):
        with CaptureQueriesContext(connection) as asked:
            duties.findings(draft.document, clock.now())
        counts.append(len(asked))
    assert counts[2] == counts[3]


def test_whoever_publishes_over_rest_is_told_what_the_law_asks() -> None:
    row = to(people("US"), sms("Casa Norte: 10 % off"))
    key = apikeys.create("admin", "shop")
    answer = Client().post(
        f"/api/v1/campaigns/{publicids.encode('cmp', row.pk)}/publish/", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 200
    (told,) = (each for each in answer.json()["warnings"] if each["code"] == "duty_rates_may_apply")
    assert told["pointer"] == "/steps/0/config/text"
    assert "rates may apply" in told["detail"]
