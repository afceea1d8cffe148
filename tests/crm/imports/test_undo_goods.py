"""Purchases, products, stock and stops that came with a file go back with it, but for what was changed since."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from crm import capture, catalogue, clock, normalise, orders, suppression
from crm.imports import giving_back, kinds, steering
from crm.models import Cart, Contact, Event, EventKey, ImportJob, Order, OrderLine, Product, Stock, Suppression
from tests.crm.imports.conftest import Bring, settle

pytestmark = pytest.mark.django_db

ORDERS = (
    "Correo;Pedido;Fecha;Importe;SKU;Cantidad\n"
    "elena@example.com;o1;2026-04-03;30;t1;1\nelena@example.com;o1;2026-04-03;30;t2;2\n"
    "dario@example.com;o2;2026-04-04;12;t1;1\n"
)


def undo(job: ImportJob) -> ImportJob:
    steering.undo(job, actor="user:1")
    settle()
    job.refresh_from_db()
    assert job.state == "undone"
    return job


def dirty() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact FROM crm_dirty WHERE mention = '*'")
        return {number for (number,) in cursor.fetchall()}


def test_elenas_purchases_go_with_the_file_that_brought_them(bring: Bring) -> None:
    here = capture.receive([capture.Arrival({"email": "elena@example.com"})], now=clock.now())[0].contact_id
    job = undo(bring(ORDERS, kind="orders"))
    assert (job.undone, job.kept, job.stayed) == (2, 0, {})
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()
    assert not Event.objects.filter(name="Order Completed").exists()
    assert not EventKey.objects.filter(event_id__startswith="order:").exists()
    assert here in dirty()
    # Dario came with his purchase alone, and is let go of with it; Elena was here before.
    assert list(Contact.objects.filter(archived_at=None).values_list("pk", flat=True)) == [here]


def test_the_right_file_brings_the_purchases_again(bring: Bring) -> None:
    undo(bring(ORDERS, kind="orders"))
    job = bring(ORDERS.replace(";30;", ";40;"), kind="orders")
    assert (job.created, job.unchanged) == (3, 0)
    assert Order.objects.get(order_id="o1").total == Decimal("40.00")
    assert Event.objects.filter(name="Order Completed").count() == 2


def test_what_was_refunded_since_stays_and_the_page_says_why(bring: Bring, client: Client) -> None:
    job = bring(ORDERS, kind="orders")
    orders.refund([orders.Refund("o1", clock.now(), Decimal(5))], now=clock.now())
    undo(job)
    assert (job.undone, job.kept, job.stayed) == (1, 1, {"changed": 1})
    assert list(Order.objects.values_list("order_id", flat=True)) == ["o1"]
    assert OrderLine.objects.count() == 2
    assert job.owner is not None
    client.force_login(job.owner)
    page = client.get(f"/contacts/import/{publicid(job)}/").content.decode()
    assert "It was changed again since." in page


def publicid(job: ImportJob) -> str:
    from crm import publicids

    return publicids.encode("imp", job.pk)


def test_a_purchase_that_was_here_before_the_file_stays(bring: Bring) -> None:
    bring("Correo;Pedido;Fecha;Importe\nelena@example.com;o1;2026-04-03;30\n", kind="orders")
    second = undo(bring(ORDERS, kind="orders"))
    assert second.undone == 1
    assert list(Order.objects.values_list("order_id", flat=True)) == ["o1"]
    assert Contact.objects.filter(archived_at=None).count() == 1


def test_a_cart_that_the_file_closed_is_open_again(bring: Bring) -> None:
    cart = {"cart_id": "c1", "products": [{"sku": "t1", "quantity": 1, "price": "30"}]}
    event = {"name": "Cart Updated", "occurred_at": "2026-04-02T10:00:00Z", "properties": cart, "historic": True}
    capture.receive([capture.Arrival({"email": "elena@example.com"}, events=[event])], now=clock.now())
    columns = {"email": "email", "order_id": "order", "occurred_at": "at", "total": "total", "cart_id": "cart"}
    text = "email,order,at,total,cart\nelena@example.com,o1,2026-04-03,30,c1\ndario@example.com,o2,2026-04-03,9,c9\n"
    job = bring(text, kind="orders", columns=columns)
    assert set(Cart.objects.values_list("key", "state")) == {("c1", "ordered"), ("c9", "ordered")}
    undo(job)
    assert list(Cart.objects.values_list("key", "state")) == [("c1", "open")]


def test_products_are_as_they_were_and_new_ones_go(bring: Bring) -> None:
    catalogue.put_products([{"sku": "t1", "name": "Trail", "price": "99.90"}], currency="EUR", now=clock.now())
    before = catalogue.images("products", ["t1"])
    job = bring("sku,name,price\nt1,Trail 2,89.90\nt2,Road,50\nt1,Trail 3,79.90\n", kind="products")
    assert Product.objects.get(sku="t1").name == "Trail 3"
    undo(job)
    assert (job.undone, job.kept) == (3, 0)
    assert catalogue.images("products", ["t1", "t2"]) == before


def test_a_product_that_ada_changed_since_stays(bring: Bring) -> None:
    job = bring("sku,name,price\nt1,Trail,89.90\nt2,Road,50\n", kind="products")
    Product.objects.filter(sku="t1").update(name="Trail Pro")
    undo(job)
    assert (job.undone, job.kept, job.stayed) == (1, 1, {"changed": 1})
    assert list(Product.objects.values_list("sku", "name")) == [("t1", "Trail Pro")]


def test_stock_is_as_it_was_unless_the_till_sold_some_since(bring: Bring) -> None:
    catalogue.put_stock([{"sku": "t1", "place": "online", "available": 9}], now=clock.now())
    catalogue.put_stock([{"sku": "t2", "place": "online", "available": 9}], now=clock.now())
    job = bring("sku,available,place\nt1,4,online\nt2,4,online\nt1,2,valencia\n", kind="stock")
    catalogue.put_stock([{"sku": "t2", "place": "online", "available": 3}], now=clock.now())
    undo(job)
    assert (job.undone, job.stayed) == (2, {"changed": 1})
    assert set(Stock.objects.values_list("sku", "place", "available")) == {("t1", "online", 9), ("t2", "online", 3)}


def stopped() -> set[str]:
    known = {suppression.address_hash("email", f"{name}@example.com"): name for name in ("chiara", "elena", "dario")}
    return {known[one.hash] for one in Suppression.objects.filter(until=None)}


def test_a_list_of_stops_lifts_only_what_it_added(bring: Bring) -> None:
    suppression.suppress("email", [suppression.address_hash("email", "chiara@example.com")], "manual", now=clock.now())
    first = bring("email\nchiara@example.com\nelena@example.com\ndario@example.com\n", kind="suppressions")
    second = bring("email\nelena@example.com\n", "second.csv", kind="suppressions")
    assert stopped() == {"chiara", "elena", "dario"}
    assert not steering.undoable(second, clock.now())  # it added nobody
    undo(first)
    assert stopped() == {"chiara", "elena"}
    assert (first.undone, first.stayed) == (1, {"said_elsewhere": 1})
    elena = Suppression.objects.get(hash=suppression.address_hash("email", "elena@example.com"), until=None)
    assert elena.source == kinds.name(second)[:120]


def test_an_undo_of_many_goes_on_where_it_was(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giving_back, "BATCH", 2)
    rows = "".join(f"p{n}@example.com;o{n};2026-04-03;10\n" for n in range(7))
    job = undo(bring("Correo;Pedido;Fecha;Importe\n" + rows, kind="orders"))
    assert job.undone == 7
    assert not Order.objects.exists()
    assert not Contact.objects.filter(archived_at=None).exists()
    assert normalise.email("p1@example.com")
