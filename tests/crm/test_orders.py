"""Purchases, refunds, products and stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm import catalogue, errors, orders
from crm.models import Cart, Event, Order, OrderLine, Product, Stock
from crm.orders import Cancellation, NewOrder, Refund
from tests.crm.people import come, email

pytestmark = pytest.mark.django_db


def order(contact: int, order_id: str, at: datetime, **more: Any) -> NewOrder:
    lines = [{"sku": "S1", "name": "Shoe", "quantity": 2, "price": "20.00", "url": "", "image": ""}]
    return NewOrder(contact, order_id, at, Decimal("40.00"), "EUR", lines, **more)


def test_a_purchase_is_stored_once_for_ever_and_told_once(now: datetime) -> None:
    ada = come(now, email("ada@example.com"))
    catalogue.put_products([{"sku": "S1", "name": "Shoe", "categories": ["running"]}], currency="EUR", now=now)
    first, twin = orders.record([order(ada, "A1", now, cart_id="c1"), order(ada, "A1", now)], now=now)
    (again,) = orders.record([order(ada, "A1", now)], now=now + timedelta(days=900))
    assert (first.created, twin.created, again.created) == (True, False, False)
    assert again.id == first.id == Order.objects.get().pk
    told = Event.objects.get(name="Order Completed")
    assert told.pk == first.event_id
    assert told.properties == {
        "order_id": "A1",
        "cart_id": "c1",
        "total": {"amount": "40.00", "currency": "EUR"},
        "skus": ["S1"],
        "category": ["running"],
        "products": [{"sku": "S1", "name": "Shoe", "quantity": 2, "price": "20.00", "category": "running"}],
    }
    assert OrderLine.objects.get().quantity == 2
    assert Cart.objects.get().state == "ordered"


def test_refunds_add_up_to_what_was_paid_and_no_further(now: datetime) -> None:
    ada = come(now, email("ada@example.com"))
    orders.record([order(ada, "A1", now)], now=now)
    part, twin, too_much, rest, more = orders.refund(
        [
            Refund("A1", now, Decimal("10.00"), refund_id="r1"),
            Refund("A1", now, Decimal("10.00"), refund_id="r1"),
            Refund("A1", now, Decimal("30.01")),
            Refund("A1", now),
            Refund("A1", now),
        ],
        now=now,
    )
    assert isinstance(part, orders.Recorded)
    assert part.created
    assert isinstance(twin, orders.Recorded)
    assert not twin.created
    assert isinstance(too_much, errors.Problem)
    assert "30.00 EUR" in too_much.detail
    assert isinstance(rest, orders.Recorded)
    assert isinstance(more, errors.Problem)
    assert more.code == "already_refunded"
    assert (Order.objects.get().state, Order.objects.get().refunded) == ("refunded", Decimal("40.00"))
    assert [
        told["total"]["amount"]
        for told in Event.objects.filter(name="Order Refunded").order_by("id").values_list("properties", flat=True)
    ] == ["10.00", "30.00"]


def test_an_order_is_cancelled_once(now: datetime) -> None:
    ada = come(now, email("ada@example.com"))
    orders.record([order(ada, "A1", now)], now=now)
    done, again, unknown = orders.cancel(
        [Cancellation("A1", now, "changed her mind"), Cancellation("A1", now), Cancellation("A9", now)], now=now
    )
    assert isinstance(done, orders.Recorded)
    assert done.created
    assert isinstance(again, errors.Problem) or not again.created
    assert isinstance(unknown, errors.Problem)
    assert unknown.code == "no_such_order"
    assert Event.objects.filter(name="Order Cancelled").count() == 1
    (refused,) = orders.refund([Refund("A1", now)], now=now)
    assert isinstance(refused, errors.Problem)
    assert refused.code == "already_cancelled"


def test_products_are_created_updated_or_left_alone(now: datetime) -> None:
    shoe = {"sku": "S1", "name": "Shoe", "price": {"amount": "20", "currency": "EUR"}, "categories": ["a", "b,c"]}
    assert catalogue.put_products([shoe], currency="EUR", now=now) == catalogue.Counts(created=1)
    assert catalogue.put_products([shoe], currency="EUR", now=now) == catalogue.Counts(unchanged=1)
    assert catalogue.put_products([{**shoe, "price": "21"}], currency="EUR", now=now) == catalogue.Counts(updated=1)
    assert Product.objects.get().categories == ["a", "b,c"]
    assert Product.objects.get().price == Decimal("21.00")


def test_older_stock_is_ignored_and_counted(now: datetime) -> None:
    levels = [
        {"sku": "S1", "store": "online", "available": 5, "at": now},
        {"sku": "S1", "store": "online", "available": 9, "at": now - timedelta(hours=1)},
        {"sku": "S1", "store": "MAD", "available": 1, "at": now},
    ]
    assert catalogue.put_stock(levels, now=now) == catalogue.Counts(created=2, ignored=1)
    assert catalogue.put_stock(levels[1:2], now=now) == catalogue.Counts(ignored=1)
    assert Stock.objects.get(place="online").available == 5
