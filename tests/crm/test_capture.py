"""The one door in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import capture, publicids
from crm.capture import Arrival
from crm.models import (
    Cart,
    ConsentReceipt,
    ConsentState,
    Contact,
    ContactChange,
    Event,
    Identifier,
    Order,
    Product,
    Store,
)

pytestmark = pytest.mark.django_db

ADA = {"email": "ada@example.com"}
YES = {"purpose": "offers", "channel": "email", "action": "granted", "method": "web_form", "source": "shop"}


def receive(now: datetime, *arrivals: Arrival) -> list[capture.Received]:
    answers = capture.receive(arrivals, now=now)
    assert [answer.problems for answer in answers] == [[]] * len(arrivals)
    return answers


def event(name: str, at: datetime, /, **properties: Any) -> dict[str, Any]:
    return {"name": name, "occurred_at": at, "properties": properties}


def test_elena_comes_with_everything_at_once(now: datetime) -> None:
    (answer,) = receive(
        now,
        Arrival(
            [{"kind": "email", "value": " Elena@Example.COM "}, {"kind": "phone", "value": "600 11 22 33"}],
            {"given_name": "Elena", "country": "es", "postal_code": "35001", "fields": {"shoe_size": 39}},
            [YES],
            [event("Store Visited", now)],
            source="till 3",
        ),
    )
    elena = Contact.objects.get(pk=answer.contact_id)
    assert answer.created
    assert not answer.updated
    assert (elena.given_name, elena.country, elena.fields) == ("Elena", "ES", {"shoe_size": 39})
    assert (elena.zone, elena.zone_source) == ("Atlantic/Canary", "postal_code")
    assert set(elena.identifiers.values_list("kind", "value")) == {
        ("email", "elena@example.com"),
        ("phone", "+34600112233"),
    }
    assert answer.receipts[0].state == "granted"
    assert list(Event.objects.order_by("id").values_list("name", flat=True)) == [
        "Contact Created",
        "Consent Changed",
        "Store Visited",
    ]


def test_a_second_visit_updates_and_keeps_how_it_was(now: datetime) -> None:
    receive(now, Arrival(ADA, {"given_name": "Ada", "city": "Vigo"}))
    (answer,) = receive(now, Arrival(ADA, {"city": "Lugo", "given_name": "Ada", "fields": {"x": 1}}, actor="bruno"))
    assert answer.updated
    assert not answer.created
    change = ContactChange.objects.get()
    assert (change.before, change.actor) == ({"city": "Vigo", "fields": {"x": None}}, "bruno")
    (again,) = receive(now, Arrival(ADA, {"city": "Lugo"}))
    assert not again.updated
    assert ContactChange.objects.count() == 1


def test_one_bad_arrival_hurts_no_other_and_names_every_mistake(now: datetime) -> None:
    good, bad, other = capture.receive(
        [
            Arrival(ADA, {"given_name": "Ada"}),
            Arrival(
                {"email": "nonsense"},
                {"country": "Spain", "shoe": 4},
                [{"purpose": "offers", "channel": "email", "action": "granted"}],
                [{"name": "Order Completed", "properties": {"order_id": "1", "total": "abc"}}],
            ),
            Arrival({"email": "dario@example.com"}),
        ],
        now=now,
    )
    assert good.contact_id
    assert other.contact_id
    assert bad.contact_id is None
    assert {(problem.pointer, problem.code) for problem in bad.problems} == {
        ("/identifiers/0/value", "not_an_email"),
        ("/country", "too_long"),
        ("/shoe", "unknown_field"),
        ("/consents/0/method", "required"),
        ("/consents/0/source", "required"),
        ("/events/0/properties/total", "not_money"),
    }
    assert Contact.objects.count() == 2


def test_identifiers_of_two_known_people_are_refused_and_both_are_named(now: datetime) -> None:
    ada, dario = receive(now, Arrival(ADA), Arrival({"phone": "+34600112244"}))
    (both,) = capture.receive(
        [
            Arrival(
                [{"kind": "email", "value": "ada@example.com"}, {"kind": "phone", "value": "+34600112244"}],
                {"given_name": "X"},
            )
        ],
        now=now,
    )
    assert both.problem is not None
    assert both.problem.code == "identifiers_of_two_contacts"
    for answer in (ada, dario):
        assert publicids.encode("ctc", answer.contact_id or 0) in both.problem.detail
    assert not Contact.objects.filter(given_name="X").exists()


def test_the_anonymous_visitor_becomes_elena_with_her_history(now: datetime) -> None:
    (visitor,) = receive(
        now,
        Arrival(
            {"anonymous_id": "a1"}, events=[event("Product Added", now, cart_id="c1", sku="S1", price=10, quantity=2)]
        ),
    )
    (elena,) = receive(now, Arrival({"email": "elena@example.com"}))
    (joined,) = receive(
        now, Arrival([{"kind": "anonymous_id", "value": "a1"}, {"kind": "email", "value": "elena@example.com"}])
    )
    assert joined.contact_id == elena.contact_id
    assert Event.objects.filter(contact=elena.contact_id, name="Product Added").exists()
    assert Cart.objects.get().contact_id == elena.contact_id
    assert Contact.objects.get(pk=visitor.contact_id).merged_into_id == elena.contact_id
    (later,) = receive(now, Arrival({"anonymous_id": "a1"}, events=[event("Product Viewed", now, sku="S1")]))
    assert later.contact_id == elena.contact_id


def test_two_people_on_one_browser_stay_two(now: datetime) -> None:
    (ada,) = receive(
        now, Arrival([{"kind": "anonymous_id", "value": "a1"}, {"kind": "email", "value": "ada@example.com"}])
    )
    (bea,) = receive(
        now, Arrival([{"kind": "anonymous_id", "value": "a1"}, {"kind": "email", "value": "bea@example.com"}])
    )
    assert ada.contact_id != bea.contact_id
    (signed_in,) = receive(
        now, Arrival([{"kind": "anonymous_id", "value": "a1"}, {"kind": "external_id", "value": "u7"}])
    )
    assert signed_in.contact_id == ada.contact_id


def test_the_same_event_is_stored_once_even_within_a_batch(now: datetime) -> None:
    one = {"name": "Page Viewed", "event_id": "m-1"}
    first, second = receive(now, Arrival(ADA, events=[one]), Arrival(ADA, events=[one, {"name": "Page Viewed"}]))
    assert (first.duplicates, second.duplicates) == (0, 1)
    assert second.event_ids[0] is None
    assert second.event_ids[1]
    (third,) = receive(now, Arrival(ADA, events=[{**one, "occurred_at": now - timedelta(hours=1)}]))
    assert third.duplicates == 1
    assert Event.objects.filter(name="Page Viewed").count() == 2


def test_a_repeated_cart_event_does_not_count_twice(now: datetime) -> None:
    added = {
        "name": "Product Added",
        "event_id": "m-2",
        "properties": {"cart_id": "c1", "sku": "S1", "price": "9.90", "quantity": 1},
    }
    for _ in range(2):
        receive(now, Arrival(ADA, events=[added, added]))
    assert Cart.objects.get().lines[0]["quantity"] == 1
    assert Event.objects.filter(name="Cart Updated").count() == 1


def test_each_change_of_a_cart_tells_the_whole_cart(now: datetime) -> None:
    receive(
        now,
        Arrival(
            ADA,
            events=[
                event("Product Added", now, cart_id=77, sku="S1", name="Shoe", price=49.9, quantity=1, currency="EUR"),
                event("Product Added", now, cart_id=77, product_id="S2", price="10", quantity=2),
                event("Cart Viewed", now, cart_id=77),
                event("Product Removed", now, cart_id=77, sku="S2"),
                event("Product Removed", now, cart_id=77, sku="S1"),
            ],
        ),
    )
    told = list(Event.objects.filter(name__startswith="Cart ").order_by("id").values_list("name", "properties"))
    assert [name for name, _ in told] == ["Cart Updated", "Cart Updated", "Cart Viewed", "Cart Updated", "Cart Emptied"]
    assert told[1][1]["value"] == {"amount": "69.90", "currency": "EUR"}
    assert told[1][1]["skus"] == ["S1", "S2"]
    assert told[1][1]["cart_id"] == "77"
    assert Cart.objects.get().state == "emptied"


def test_a_shops_own_cart_updated_is_stored_once(now: datetime) -> None:
    products = [{"sku": "S1", "price": 5, "quantity": 3}]
    receive(now, Arrival(ADA, events=[event("Cart Updated", now, cart_id="c1", products=products, extra="kept")]))
    told = Event.objects.get(name="Cart Updated")
    assert told.properties["value"] == {"amount": "15.00", "currency": "EUR"}
    assert told.properties["lines"][0]["sku"] == "S1"
    assert told.properties["extra"] == "kept"
    receive(now, Arrival(ADA, events=[event("Cart Updated", now, cart_id="c1", products=[])]))
    assert Event.objects.filter(name="Cart Updated").count() == 1
    assert Event.objects.filter(name="Cart Emptied").count() == 1


def test_an_order_closes_its_cart_and_what_comes_late_does_not_open_it(now: datetime) -> None:
    add = event("Product Added", now - timedelta(minutes=9), cart_id="c1", sku="S1", price=5)
    receive(
        now,
        Arrival(
            ADA,
            events=[
                add,
                event(
                    "Order Completed",
                    now,
                    order_id=1001,
                    cart_id="c1",
                    total=5,
                    currency="EUR",
                    products=[{"sku": "S1", "price": 5, "quantity": 1}],
                ),
            ],
        ),
    )
    receive(now, Arrival(ADA, events=[event("Product Added", now - timedelta(minutes=1), cart_id="c1", sku="S9")]))
    assert Cart.objects.get().state == "ordered"
    assert Event.objects.filter(name="Cart Updated").count() == 1
    receive(now, Arrival(ADA, events=[event("Product Added", now, cart_id="c1", sku="S9", price=1)]))
    assert [line["sku"] for line in Cart.objects.get().lines] == ["S9"]


def test_a_shop_that_sends_an_order_twice_has_sold_once(now: datetime) -> None:
    Product.objects.create(sku="S1", name="Shoe", categories=["running", "shoes"])
    order = event(
        "Order Completed",
        now,
        order_id="A-1",
        total=42.5,
        currency="eur",
        coupon="TEN",
        products=[{"product_id": "S1", "price": "42.5", "quantity": 1}],
    )
    first, again = receive(now, Arrival(ADA, events=[order]), Arrival(ADA, events=[{**order, "event_id": "x"}]))
    assert first.duplicates == 0
    assert again.duplicates == 1
    told = Event.objects.get(name="Order Completed").properties
    assert told["total"] == {"amount": "42.50", "currency": "EUR"}
    assert told["_raw"]["total"] == 42.5
    assert (told["category"], told["products"][0]["category"], told["skus"]) == (
        ["running", "shoes"],
        "running",
        ["S1"],
    )
    assert Order.objects.get().lines.get().price == told_amount(told)


def told_amount(told: dict[str, Any]) -> Any:
    from decimal import Decimal

    return Decimal(told["total"]["amount"])


def test_the_home_store_gives_its_zone_and_an_unknown_one_is_named(now: datetime) -> None:
    Store.objects.create(code="TFN", name="Tenerife", zone="Atlantic/Canary")
    good, bad = capture.receive(
        [Arrival(ADA, {"home_store": "TFN"}), Arrival({"email": "b@example.com"}, {"home_store": "XXX"})], now=now
    )
    assert Contact.objects.get(pk=good.contact_id).zone_source == "store"
    assert bad.problem is not None
    assert bad.problem.code == "no_such_store"


def test_historic_facts_bring_no_contact_created(now: datetime) -> None:
    receive(
        now, Arrival(ADA, events=[{"name": "Store Visited", "historic": True, "occurred_at": "1997-01-01T10:00:00Z"}])
    )
    assert list(Event.objects.values_list("name", "historic")) == [("Store Visited", True)]


def test_the_number_of_queries_does_not_grow_with_the_batch(now: datetime) -> None:
    receive(now, arrival(now, 10_000), arrival(now, 10_001))  # the month, the workspace
    everything = [queries(now, [arrival(now, number) for number in numbers]) for numbers in ([0], range(1, 501))]
    assert everything == [EVERYTHING, EVERYTHING]
    assert Identifier.objects.filter(kind="email").count() == 503
    assert ConsentReceipt.objects.count() == 503
    events = [
        queries(
            now,
            [Arrival({"email": f"p{number}@example.com"}, events=[event("Page Viewed", now)]) for number in numbers],
        )
        for numbers in ([0], range(1, 501))
    ]
    assert events == [EVENTS_ALONE, EVENTS_ALONE]


EVERYTHING, EVENTS_ALONE = 28, 4


def queries(now: datetime, arrivals: list[Arrival]) -> int:
    with CaptureQueriesContext(connection) as recorded:
        receive(now, *arrivals)
    # Savepoints and the look for the month are what a test's own transaction adds.
    return sum("SAVEPOINT" not in query["sql"] and "to_regclass" not in query["sql"] for query in recorded)


def arrival(now: datetime, number: int) -> Arrival:
    return Arrival(
        {"email": f"p{number}@example.com"},
        {"given_name": f"P{number}"},
        [YES],
        [
            event("Product Added", now, cart_id=f"c{number}", sku="S1", price=3),
            event(
                "Order Completed",
                now,
                order_id=f"o{number}",
                cart_id=f"c{number}",
                total=3,
                products=[{"sku": "S1", "price": 3}],
            ),
            {"name": "Page Viewed", "event_id": f"e{number}"},
        ],
    )


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"a": "x\0"}, "control_character"),
        ({"a": ["\ud800"]}, "control_character"),
        ({"a": {"b": float("nan")}}, "not_a_number"),
        ({"a": None, "b": "\0"}, "control_character"),
    ],
)
def test_what_cannot_be_stored_is_named(now: datetime, properties: dict[str, Any], code: str) -> None:
    bad, good = capture.receive(
        [
            Arrival(ADA, events=[{"name": "X", "properties": properties}]),
            Arrival(ADA, events=[{"name": "X", "properties": {"big": 10**40, "none": None, "text": "null \\u0000 ñ"}}]),
        ],
        now=now,
    )
    assert [problem.code for problem in bad.problems] == [code]
    assert bad.problems[0].pointer.startswith("/events/0/properties/")
    assert good.problems == []
    assert Event.objects.get(name="X").properties["text"] == "null \\u0000 ñ"


def test_nothing_is_nested_without_end(now: datetime) -> None:
    deep: Any = "x"
    for _ in range(30):
        deep = {"d": deep}
    (bad,) = capture.receive([Arrival(ADA, events=[{"name": "X", "properties": deep}])], now=now)
    assert [problem.code for problem in bad.problems] == ["too_deep"]


def test_a_statement_that_names_an_address_is_about_that_one(now: datetime) -> None:
    (ada,) = receive(
        now,
        Arrival(
            [{"kind": "email", "value": "ada@example.com"}, {"kind": "email", "value": "work@example.com"}],
            consents=[YES],
        ),
    )
    assert states() == {"ada@example.com": "granted", "work@example.com": "granted"}
    receive(now, Arrival({"email": "work@example.com"}, consents=[{**YES, "action": "withdrawn"}]))
    assert states() == {"ada@example.com": "granted", "work@example.com": "withdrawn"}
    receive(
        now,
        Arrival(
            {"id": publicids.encode("ctc", ada.contact_id or 0)}, consents=[{**YES, "address": "Work@Example.com"}]
        ),
    )
    assert states() == {"ada@example.com": "granted", "work@example.com": "granted"}
    receive(now, Arrival({"id": publicids.encode("ctc", ada.contact_id or 0)}, consents=[{**YES, "action": "refused"}]))
    assert states() == {"ada@example.com": "refused", "work@example.com": "refused"}


def test_nobody_speaks_for_an_address_of_another(now: datetime) -> None:
    receive(now, Arrival(ADA), Arrival({"email": "bea@example.com"}))
    (bad,) = capture.receive([Arrival(ADA, consents=[{**YES, "address": "bea@example.com"}])], now=now)
    assert [problem.code for problem in bad.problems] == ["identifiers_of_two_contacts"]
    assert not ConsentReceipt.objects.exists()


def states() -> dict[str, str]:
    return dict(ConsentState.objects.values_list("address__value", "state"))


def test_one_statement_may_be_about_several_channels(now: datetime) -> None:
    (answer,) = receive(
        now,
        Arrival(
            [{"kind": "email", "value": "ada@example.com"}, {"kind": "phone", "value": "+34600112233"}],
            consents=[{**YES, "channel": None, "channels": ["email", "sms"]}],
        ),
    )
    assert [(each.channel, each.state) for each in answer.receipts] == [("email", "granted"), ("sms", "granted")]
    (bad,) = capture.receive([Arrival(ADA, consents=[{**YES, "purpose": "sale", "when": 1}])], now=now)
    assert {problem.pointer for problem in bad.problems} == {"/consents/0/when", "/consents/0/purpose"}


def test_nothing_is_pre_ticked_and_no_text_breaks_the_database(now: datetime) -> None:
    unsaid = {key: value for key, value in YES.items() if key != "action"}
    bad, worse, worst = capture.receive(
        [
            Arrival(ADA, consents=[unsaid]),
            Arrival(
                ADA,
                {"given_name": "A\ud800", "fields": {"x": "\0"}},
                [{**YES, "source": "\0", "evidence": {"a": "\0"}}],
            ),
            Arrival(
                ADA,
                events=[{"name": "X\0", "session": "\0", "event_id": "\ud800", "channel": [1], "occurred_at": "soon"}],
            ),
        ],
        now=now,
    )
    assert {problem.pointer for problem in bad.problems} == {"/consents/0/action"}
    assert {problem.pointer for problem in worse.problems} == {
        "/given_name",
        "/fields/x",
        "/consents/0/source",
        "/consents/0/evidence/a",
    }
    assert {problem.pointer for problem in worst.problems} == {
        f"/events/0/{name}" for name in ("name", "session", "event_id", "channel", "occurred_at")
    }


def test_a_family_phone_hangs_on_two_people_and_names_neither(now: datetime) -> None:
    family = {"kind": "phone", "value": "+34600112233", "identifying": False}
    ada, bea = receive(
        now,
        Arrival([{"kind": "email", "value": "ada@example.com"}, family]),
        Arrival([{"kind": "email", "value": "bea@example.com"}, family]),
    )
    assert ada.contact_id != bea.contact_id
    assert Identifier.objects.filter(kind="phone").values("address").distinct().count() == 1
    (again,) = receive(now, Arrival([{"kind": "email", "value": "ada@example.com"}, family]))
    assert again.contact_id == ada.contact_id
    assert Identifier.objects.filter(kind="phone").count() == 2
