"""Pablo becomes a customer at Bruno's till: his card works at once, his offers wait for his own word."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from crm import consent
from crm.models import ConsentReceipt, Contact, Event, Identifier, Order, TillEntry, Wording
from crm.till import aloud
from tests.crm.people import come, email, phone
from tests.crm.till.people import till

pytestmark = pytest.mark.django_db
CARD = "291000484907"
TEXT = "till.offers-es-1"
PABLO = {"card": CARD, "phone": "612 33 40 18", "phone_country": "ES", "given_name": "Pablo", "language": "es"}


def test_pablo_is_in_with_card_and_phone_and_nothing_he_did_not_say(now: datetime) -> None:
    bruno = till()
    told = bruno.do("enrol", PABLO, now)
    assert told["state"] == "done", told
    pablo = Contact.objects.get()
    assert (pablo.given_name, pablo.home_store, pablo.language) == ("Pablo", bruno.store, "es")
    assert set(Identifier.objects.values_list("kind", "value")) == {("card", CARD), ("phone", "+34612334018")}
    assert not ConsentReceipt.objects.exists(), "nothing is ticked by itself"
    linked = Event.objects.get(name="Card Linked")
    assert (linked.contact_id, linked.source) == (pablo.pk, "till:VLC")
    assert TillEntry.objects.get().payload is None
    assert "612" not in str(TillEntry.objects.get().answer)


def test_his_yes_is_kept_with_the_text_that_was_read_and_waits_for_his_own_word(now: datetime) -> None:
    bruno = till()
    yes = {**PABLO, "yes": ["whatsapp"], "wording": TEXT}
    told = bruno.do("enrol", yes, now)
    assert told["answer"]["yes"] == {"whatsapp": "waiting"}
    said = ConsentReceipt.objects.filter(action="granted").get()
    assert (said.purpose, said.channel, said.method, said.source) == ("offers", "whatsapp", "pos_screen", "till:VLC")
    assert said.wording == TEXT
    assert Wording.objects.get(code=TEXT).text == aloud.OURS["offers", "es"]
    pablo = Contact.objects.get()
    assert isinstance(consent.allowed(pablo.pk, "offers", "whatsapp", now), consent.Deny)
    assert isinstance(consent.allowed(pablo.pk, "offers", "sms", now), consent.Deny)


def test_offers_from_what_he_buys_is_a_yes_of_its_own(now: datetime) -> None:
    bruno = till()
    bruno.do("enrol", {**PABLO, "profiling": True, "profiling_wording": "till.profiling-es-1"}, now)
    assert list(ConsentReceipt.objects.values_list("purpose", "channel")) == [("profiling", "till")]


def test_what_is_wrong_is_told_at_its_field_all_at_once_and_nothing_is_stored(now: datetime) -> None:
    bruno = till()
    told = bruno.do("enrol", {"phone": "12", "email": "pablo(at)example", "yes": ["email"], "points": 5}, now)
    assert told["state"] == "refused"
    assert {each["pointer"] for each in told["problems"]} == {"/phone", "/email", "/points"}
    assert bruno.do("enrol", {"given_name": "Pablo"}, now)["problems"][0]["pointer"] == "/card"
    no_address = bruno.do("enrol", {"card": CARD, "yes": ["email"], "wording": TEXT}, now)
    assert no_address["problems"][0]["code"] == "no_address"
    unknown = bruno.do("enrol", {**PABLO, "yes": ["sms"], "wording": "made-up"}, now)
    assert unknown["problems"][0]["pointer"] == "/wording"
    assert not Contact.objects.exists()
    assert not TillEntry.objects.exists()


def test_carmen_is_known_and_keeps_her_name(now: datetime) -> None:
    bruno = till()
    carmen = come(now, phone("+34600112233"), given_name="Carmen")
    told = bruno.do("enrol", {"card": CARD, "phone": "600112233", "given_name": "Karmen", "family_name": "Vidal"}, now)
    assert told["answer"]["created"] is False
    found = Contact.objects.get(pk=carmen)
    assert (found.given_name, found.family_name) == ("Carmen", "Vidal")
    assert Identifier.objects.get(kind="card").contact_id == carmen


def test_whose_phone_and_mail_belong_to_two_waits_for_a_person(now: datetime) -> None:
    bruno = till()
    carmen = come(now, phone("+34600112233"), given_name="Carmen", home_store="VLC")
    come(now, email("dario@example.com"), given_name="Dario")
    body = {"card": CARD, "phone": "600112233", "email": "dario@example.com", "given_name": "Carmen"}
    told = bruno.do("enrol", body, now)
    assert (told["state"], told["answer"]) == ("waiting", {"why": "two"})
    entry = TillEntry.objects.get()
    assert entry.payload == body
    page = bruno.client.get("/store/decisions/").content.decode()
    assert "One of them is a customer of another store." in page
    assert "dario@example.com" not in page
    answer = bruno.client.post(f"/store/decisions/{entry.pk}/", {"how": "both"})
    assert answer.status_code == 302
    entry.refresh_from_db()
    assert (entry.state, entry.payload) == ("done", None)
    assert Identifier.objects.get(kind="card").contact_id not in (carmen, None)


def test_whoever_is_said_to_be_another_one_waits_and_can_be_linked_after_all(now: datetime) -> None:
    bruno = till()
    carmen = come(now, phone("+34600112233"), given_name="Carmen", home_store="VLC")
    bruno.do("enrol", {"card": CARD, "phone": "600112233", "different": True}, now)
    entry = TillEntry.objects.get()
    from crm import publicids

    link = {"how": "link", "to": publicids.encode("ctc", carmen)}
    assert bruno.client.post(f"/store/decisions/{entry.pk}/", link).status_code == 302
    assert Identifier.objects.get(kind="card").contact_id == carmen


def test_the_hint_shows_carmen_masked_and_nobody_of_another_store(now: datetime) -> None:
    bruno = till()
    come(now, phone("+34600112233"), given_name="Carmen", family_name="Martín", home_store="VLC")
    till("BCN", "Barcelona")
    come(now, email("nora@example.com"), given_name="Nora", family_name="Puig", home_store="BCN")

    def hint(**typed: str) -> Any:
        return dict(bruno.client.post("/store/hint/", typed, content_type="application/json").json())

    (carmen,) = hint(phone="600112233")["people"]
    assert carmen["words"] == "Carmen M. · ••• 22 33"
    assert hint(email="nora@example.com") == {"people": [], "elsewhere": True}
    assert hint(email="nobody@example.com") == {"people": [], "elsewhere": False}


def test_a_purchase_tells_the_campaigns_at_once_and_five_times_is_once(now: datetime) -> None:
    bruno = till()
    bruno.do("enrol", PABLO, now)
    entry = bruno.entry("purchase", {"card": CARD, "amount": "42.5"}, now)
    states = [bruno.send(entry).json()["entries"][0]["state"] for _ in range(5)]
    assert states == ["done"] * 5
    order = Order.objects.get()
    assert (order.order_id, str(order.total), order.store_id, order.channel) == (
        f"VLC:{entry['id']}", "42.50", bruno.store.pk, "store",
    )  # fmt: skip
    assert Event.objects.filter(name="Order Completed").count() == 1
