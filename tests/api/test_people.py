"""Contacts, consents, events and orders as a shop's server and a till bring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm.models import Contact, Event, Order, Store
from tests.api.conftest import Speaker
from tests.api.test_rest import codes

ADA = {"identifiers": [{"kind": "email", "value": "Ada@Example.com"}], "given_name": "Ada", "country": "ES"}
YES = {
    "purpose": "offers",
    "channel": "email",
    "action": "granted",
    "method": "web_form",
    "source": "shop.example/join",
    "occurred_at": "2026-01-02T10:00:00Z",
}
ORDER = {
    "contact": {"email": "ada@example.com"},
    "order_id": "A-1",
    "occurred_at": "2026-01-05T10:00:00Z",
    "total": {"amount": "42.50", "currency": "EUR"},
    "cart_id": "c1",
    "lines": [{"sku": "s1", "name": "Sock", "quantity": 2, "price": {"amount": "21.25", "currency": "EUR"}}],
}


@pytest.fixture
def ada(shop: Speaker) -> str:
    return str(shop.post("contacts/", ADA).json()["id"])


# Contacts


def test_a_contact_is_created_then_found_again_by_any_identifier(shop: Speaker) -> None:
    made = shop.post("contacts/", ADA | {"consents": [YES], "fields": {"shoe_size": 39}})
    assert made.status_code == 201, made.content
    assert made.json()["id"].startswith("ctc_")
    assert [(each["kind"], each["value"]) for each in made.json()["identifiers"]] == [("email", "ada@example.com")]
    both = [*ADA["identifiers"], {"kind": "card", "value": "C-7"}]  # type: ignore[misc]
    again = shop.post("contacts", {"identifiers": both, "family_name": "Lovelace"})
    assert again.status_code == 200
    card = shop.post("contacts/", {"identifiers": [{"kind": "card", "value": "C-7"}]})
    assert card.json()["id"] == again.json()["id"] == made.json()["id"]
    shown = shop.get(f"contacts/{made.json()['id']}/").json()
    assert (shown["given_name"], shown["family_name"], shown["fields"]) == ("Ada", "Lovelace", {"shoe_size": 39})
    assert shown["zone"] == "Europe/Madrid"
    assert "stage" in shown


def test_two_known_people_are_not_glued_together(shop: Speaker, ada: str) -> None:
    other = shop.post("contacts/", {"identifiers": [{"kind": "card", "value": "C-7"}]}).json()["id"]
    both = [*ADA["identifiers"], {"kind": "card", "value": "C-7"}]  # type: ignore[misc]
    answer = shop.post("contacts/", {"identifiers": both})
    assert answer.status_code == 409
    (entry,) = answer.json()["errors"]
    assert entry["code"] == "identifiers_of_two_contacts"
    assert ada in entry["detail"]
    assert other in entry["detail"]


def test_contacts_are_found_by_one_exact_identifier(shop: Speaker, ada: str) -> None:
    assert [row["id"] for row in shop.get("contacts/?email=ADA@example.com").json()["data"]] == [ada]
    assert shop.get("contacts/?card=none").json() == {"data": [], "next": None}
    assert codes(shop.get("contacts/?email=a@b.es&card=1"), 422) == [("", "reference")]
    assert codes(shop.get("contacts/?email=nonsense"), 422) == [("/email", "not_an_email")]
    assert [row["id"] for row in shop.get("contacts/?limit=1").json()["data"]] == [ada]


@pytest.mark.parametrize("nobody", ["ctc_zzzz", "ctc_", "seg_1", "1", "ctc_I", "%00", "ctc_" + "z" * 40])
def test_an_id_of_nobody_is_not_found(shop: Speaker, nobody: str) -> None:
    assert codes(shop.get(f"contacts/{nobody}/"), 404) == [("", "not_found")]


def test_mistakes_in_a_contact_name_their_places(shop: Speaker) -> None:
    body = {
        "identifiers": [{"kind": "email", "value": "no"}, {"kind": "fax", "value": "1"}],
        "country": "Spain",
        "favourite": 1,
        "consents": [{"purpose": "offers"}],
    }
    assert set(codes(shop.post("contacts/", body), 422)) == {
        ("/identifiers/1/kind", "invalid_choice"),
        ("/country", "invalid"),
        ("/favourite", "unknown_field"),
        ("/consents/0/channel", "required"),
        ("/consents/0/action", "required"),
    }
    wrong = shop.post("contacts/", ADA | {"identifiers": [{"kind": "email", "value": "no"}], "timezone": "Mars/Base"})
    assert set(codes(wrong, 422)) == {("/identifiers/0/value", "not_an_email"), ("/timezone", "not_a_zone")}
    assert codes(shop.post("contacts/", {"identifiers": []}), 422) == [("/identifiers", "empty")]
    assert not Contact.objects.exists()


def test_a_batch_gives_a_verdict_per_row(shop: Speaker, ada: str) -> None:
    rows: list[Any] = [
        {"identifiers": [{"kind": "email", "value": "bruno@example.com"}]},
        {"identifiers": [{"kind": "email", "value": "broken"}]},
        ADA | {"given_name": "Augusta"},
        {"identifiers": [{"kind": "email", "value": "chiara@example.com"}], "shoe": 1},
        ADA | {"given_name": "Augusta"},
    ]
    answer = shop.post("contacts/batch/", {"contacts": rows}).json()
    assert [row["status"] for row in answer["results"]] == ["created", "rejected", "updated", "rejected", "unchanged"]
    assert (answer["created"], answer["rejected"]) == (1, 2)
    assert answer["results"][2]["id"] == ada
    assert answer["results"][3]["errors"][0]["pointer"] == "/shoe"
    assert codes(shop.post("contacts/batch/", {"contacts": [ADA] * 501}), 422) == [("/contacts", "max_length")]


def test_what_a_contact_did_is_told_newest_first(shop: Speaker, ada: str) -> None:
    for day in (3, 4, 5):
        shop.post(
            "events/",
            {
                "contact": {"id": ada},
                "name": "Product Viewed",
                "properties": {"sku": f"s{day}"},
                "occurred_at": f"2026-01-0{day}T10:00:00+01:00",
                "channel": "web",
            },
        )
    page = shop.get(f"contacts/{ada}/timeline/?name=Product+Viewed&limit=2").json()
    assert [row["properties"]["sku"] for row in page["data"]] == ["s5", "s4"]
    assert page["data"][0]["occurred_at"] == "2026-01-05T09:00:00Z"
    assert [row["properties"]["sku"] for row in shop.get(page["next"]).json()["data"]] == ["s3"]


# Consents


def test_a_yes_and_a_no_with_their_receipts(shop: Speaker, ada: str) -> None:
    said = shop.post("consents/", {"contact": {"email": "ada@example.com"}} | YES)
    assert said.status_code == 201, said.content
    assert said.json()["state"] == "granted"
    assert said.json()["contact"] == ada
    receipt = said.json()["receipt"]
    assert receipt["id"].startswith("rcp_")
    assert receipt["source"] == "shop.example/join"
    no = YES | {"action": "withdrawn", "occurred_at": "2026-01-03T10:00:00Z"}
    assert shop.post("consents/", {"contact": {"id": ada}} | no).json()["state"] == "withdrawn"
    (state,) = shop.get(f"consents/?contact={ada}").json()["data"]
    assert (state["purpose"], state["channel"], state["state"]) == ("offers", "email", "withdrawn")
    assert state["address_hint"] == "a…@example.com"
    assert state["receipt"]["action"] == "withdrawn"


def test_a_grant_must_say_how_and_where(shop: Speaker, ada: str) -> None:
    bare = {"contact": {"id": ada}, "purpose": "offers", "channel": "email", "action": "granted"}
    assert set(codes(shop.post("consents/", bare), 422)) == {("/method", "required"), ("/source", "required")}
    assert codes(shop.post("consents/", bare | {"action": "paused"}), 422) == [("/until", "required")]
    assert codes(shop.get("consents/"), 422) == [("/contact", "required")]
    assert codes(shop.get("consents/?contact=ctc_zz"), 404) == [("/contact", "unknown_contact")]


# Events


def test_an_event_creates_who_is_unknown_and_is_stored_once(shop: Speaker) -> None:
    seen = {
        "contact": {"anonymous_id": "a-1"},
        "name": "Product Viewed",
        "event_id": "e1",
        "context": {"page": "/shoes", "utm": {"source": "x"}},
    }
    first = shop.post("events/", seen)
    assert first.status_code == 202, first.content
    assert first.json()["duplicate"] is False
    assert first.json()["id"].startswith("evt_")
    again = shop.post("events/", seen)
    assert (again.status_code, again.json()["duplicate"], again.json()["id"]) == (202, True, None)
    assert Event.objects.filter(name="Product Viewed").count() == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"contact": {"email": "a@b.es", "card": "1"}}, ("/contact", "reference")),
        ({"contact": {"name": "Ada"}}, ("/contact/name", "reference")),
        ({"contact": {"email": "nope"}}, ("/contact", "not_an_email")),
        ({"contact": {"id": "ctc_zzzzz"}}, ("/contact", "no_such_contact")),
        ({"name": ""}, ("/name", "required")),
        ({"name": "x" * 81}, ("/name", "required")),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, ("/occurred_at", "not_credible")),
        ({"occurred_at": "1989-12-31T00:00:00Z"}, ("/occurred_at", "not_credible")),
        ({"occurred_at": "2026-01-01T00:00:00"}, ("/occurred_at", "no_zone")),
        ({"properties": []}, ("/properties", "not_an_object")),
        ({"historic": "yes"}, ("/historic", "not_a_boolean")),
        ({"session": "s" * 81}, ("/session", "wrong_text")),
        ({"channel": "fax"}, ("/channel", "not_a_choice")),
        ({"colour": 1}, ("/colour", "unknown_field")),
        ({"context": {"ip": "1.1.1.1"}}, ("/context/ip", "unknown_field")),
        ({"name": "Order Completed", "properties": {"total": "much"}}, ("/properties/total", "not_money")),
    ],
)
def test_a_bad_event_names_its_place_and_stores_nothing(
    shop: Speaker, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    good = {"contact": {"email": "ada@example.com"}, "name": "Product Viewed"}
    assert codes(shop.post("events/", good | change), 404 if expected[1] == "no_such_contact" else 422) == [expected]
    assert not Event.objects.exists()
    assert not Contact.objects.exists()


def test_a_bad_event_in_a_batch_hurts_no_other(shop: Speaker) -> None:
    good = {"contact": {"email": "ada@example.com"}, "name": "Product Viewed"}
    events = [good | {"event_id": "e1"}, good | {"name": ""}, 5, good | {"event_id": "e1"}, good | {"contact": {}}]
    answer = shop.post("events/batch/", {"events": events}).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(each["index"], each["code"]) for each in answer["rejected"]] == [
        (1, "required"),
        (2, "not_an_object"),
        (4, "reference"),
    ]
    assert codes(shop.post("events/batch/", {"events": []}), 422) == [("/events", "batch_size")]
    assert codes(shop.post("events/batch/", {"events": [good] * 501}), 422) == [("/events", "batch_size")]
    assert codes(shop.post("events/batch/", [good]), 422) == [("/events", "required")]


def test_a_batch_costs_the_same_queries_whatever_its_size(
    shop: Speaker, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def batch(size: int) -> dict[str, Any]:
        return {"events": [{"contact": {"email": f"p{n}@example.com"}, "name": "Product Viewed"} for n in range(size)]}

    shop.post("events/batch/", batch(200))
    with django_assert_max_num_queries(25) as few:
        shop.post("events/batch/", batch(5))
    with django_assert_max_num_queries(25) as many:
        assert shop.post("events/batch/", batch(200)).json()["accepted"] == 200
    assert len(few) == len(many)


# Orders


def test_a_purchase_is_stored_once_and_told(shop: Speaker, ada: str) -> None:
    made = shop.post("orders/", ORDER)
    assert made.status_code == 201, made.content
    assert made.json()["contact"] == ada
    assert made.json()["id"].startswith("ord_")
    assert made.json()["lines"][0]["price"] == {"amount": "21.25", "currency": "EUR"}
    assert shop.post("orders/", ORDER).status_code == 200
    assert Event.objects.filter(name="Order Completed").count() == 1
    other = shop.post("orders/", ORDER | {"contact": {"email": "bruno@example.com"}})
    assert codes(other, 409) == [("/order_id", "order_of_another_contact")]
    assert [row["order_id"] for row in shop.get(f"orders/?contact={ada}").json()["data"]] == ["A-1"]


def test_a_refund_and_a_cancelled_order(shop: Speaker, ada: str) -> None:
    shop.post("orders/", ORDER)
    part = {"amount": {"amount": "10.00", "currency": "EUR"}}
    assert shop.post("orders/A-1/refund/", part).json()["state"] == "partly_refunded"
    assert codes(shop.post("orders/A-1/refund/", {"amount": {"amount": "1", "currency": "USD"}}), 422) == [
        ("/amount/currency", "currency")
    ]
    assert codes(shop.post("orders/A-1/refund/", {"amount": {"amount": "99", "currency": "EUR"}}), 422) == [
        ("/amount", "more_than_paid")
    ]
    assert shop.post("orders/A-1/refund").json()["refunded"] == {"amount": "42.50", "currency": "EUR"}
    assert codes(shop.post("orders/A-1/refund/"), 409) == [("/order_id", "already_refunded")]
    shop.post("orders/", ORDER | {"order_id": "A-2"})
    assert shop.post("orders/A-2/cancel/", {"reason": "changed her mind"}).json()["state"] == "cancelled"
    assert codes(shop.post("orders/none/cancel/"), 404) == [("", "not_found")]


def test_mistakes_in_an_order_name_their_places(shop: Speaker, ada: str) -> None:
    line = ORDER["lines"][0]  # type: ignore[index]
    dollars = ORDER | {"lines": [line | {"price": {"amount": "1", "currency": "USD"}}]}  # type: ignore[operator]
    assert codes(shop.post("orders/", dollars), 422) == [("/lines/0/price/currency", "currency")]
    assert codes(shop.post("orders/", ORDER | {"store": "mars"}), 422) == [("/store", "no_such_store")]
    future = ORDER | {"occurred_at": "2999-01-01T00:00:00Z"}
    assert codes(shop.post("orders/", future), 422) == [("/occurred_at", "in_the_future")]
    assert set(codes(shop.post("orders/", {"contact": {"id": ada}}), 422)) == {
        ("/order_id", "required"),
        ("/occurred_at", "required"),
        ("/total", "required"),
        ("/lines", "required"),
    }
    assert not Order.objects.exists()


# The till


def test_bruno_sees_his_store_and_no_other(shop: Speaker, till: Speaker, ada: str) -> None:
    Store.objects.create(code="rambla", name="Rambla")
    his = till.post("contacts/", {"identifiers": [{"kind": "card", "value": "C-1"}]}).json()
    assert his["home_store"] == "granvia"
    assert [row["id"] for row in till.get("contacts/").json()["data"]] == [his["id"]]
    assert till.get(f"contacts/{ada}/").status_code == 404
    assert till.get(f"contacts/{ada}/timeline/").status_code == 404
    assert till.get(f"consents/?contact={ada}").status_code == 404
    # Ada stands before him with her address, and buys.
    assert [row["id"] for row in till.get("contacts/?email=ada@example.com").json()["data"]] == [ada]
    sold = till.post("orders/", ORDER).json()
    assert (sold["store"], sold["channel"]) == ("granvia", "store")
    assert till.get(f"contacts/{ada}/").status_code == 200
    shop.post("orders/", ORDER | {"order_id": "web-1"})
    assert [row["order_id"] for row in till.get("orders/").json()["data"]] == ["A-1"]
    assert till.get("orders/web-1/").status_code == 404
    assert codes(till.post("orders/", ORDER | {"order_id": "x", "store": "rambla"}), 403) == [("/store", "forbidden")]
    assert not Order.objects.filter(order_id="x").exists()
