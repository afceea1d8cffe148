"""Carts: what the events so far make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import capture, carts, commerce
from crm.capture import Arrival
from crm.models import Cart, Event

START = datetime(2026, 3, 1, tzinfo=UTC)
SKUS = st.sampled_from(["S1", "S2", "S3"])
LINES = st.lists(
    st.fixed_dictionaries({"sku": SKUS, "price": st.integers(0, 9), "quantity": st.integers(0, 3)}), max_size=3
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(sorted(carts.EVENTS)),
        st.sampled_from(["c1", "c2"]),
        st.integers(0, 6),
        SKUS,
        st.integers(0, 3),
        LINES,
    ),
    max_size=10,
)


def events(changes: list[Any]) -> list[dict[str, Any]]:
    found = []
    for number, (name, cart, hour, sku, quantity, lines) in enumerate(changes):
        properties: dict[str, Any] = {"cart_id": cart}
        if name in ("Product Added", "Product Removed"):
            properties |= {"sku": sku, "quantity": quantity, "price": 2}
        elif name == carts.ORDERING:
            properties |= {"order_id": f"o{number}", "total": 1}
        elif name != carts.EMPTYING:
            properties |= {"products": lines}
        found.append(
            {
                "name": name,
                "occurred_at": START + timedelta(hours=hour),
                "properties": properties,
                "event_id": f"e{number}",
            }
        )
    return found


def oracle(told: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, float]]]:  # noqa: C901 - plain on purpose
    """The carts in plain dictionaries, written from the description and not from the code."""
    found: dict[str, tuple[str, dict[str, float], datetime]] = {}
    for event in told:
        key, at, given_lines = event["properties"]["cart_id"], event["occurred_at"], event["properties"].get("products")
        state, lines, touched = found.get(key, ("new", {}, START - timedelta(days=1)))
        if at < touched:
            continue
        if event["name"] == "Order Completed":
            found[key] = ("ordered", lines, at)
            continue
        if state == "ordered":
            if event["name"] not in ("Product Added", "Cart Updated"):
                continue
            lines = {}
        lines, sku = dict(lines), event["properties"].get("sku")
        if event["name"] == "Product Added":
            if event["properties"]["quantity"]:
                lines[sku] = lines.get(sku, 0) + event["properties"]["quantity"]
        elif event["name"] == "Product Removed":
            lines[sku] = lines.get(sku, 0) - event["properties"]["quantity"]
        elif event["name"] == "Cart Emptied":
            lines = {}
        else:
            lines = {}
            for line in given_lines:
                lines[line["sku"]] = lines.get(line["sku"], 0) + line["quantity"]
        lines = {sku: count for sku, count in lines.items() if count > 0}
        found[key] = ("full" if lines else "empty", lines, at)
    return {key: (state, lines) for key, (state, lines, _) in found.items()}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=CHANGES.filter(
        lambda changes: all(len({line["sku"] for line in change[5]}) == len(change[5]) for change in changes)
    ),
    size=st.integers(1, 4),
)
def test_a_cart_is_the_replay_of_its_events_in_whatever_batches_they_come(changes: list[Any], size: int) -> None:
    from django.db import transaction

    with transaction.atomic():
        told = events(changes)
        for start in range(0, len(told), size):
            arrivals = [Arrival({"email": "ada@example.com"}, events=[event]) for event in told[start : start + size]]
            assert all(not answer.problems for answer in capture.receive(arrivals, now=START + timedelta(days=1)))
        stored = {
            cart.key: (
                "ordered" if cart.state == "ordered" else "full" if cart.lines else "empty",
                {line["sku"]: line["quantity"] for line in cart.lines},
            )
            for cart in Cart.objects.all()
        }
        assert stored == oracle(told)
        for cart in Cart.objects.all():
            last = (
                Event.objects.filter(name__in=["Cart Updated", "Cart Emptied"], properties__cart_id=cart.key)
                .order_by("-id")
                .first()
            )
            if last and cart.state != "ordered" and last.properties.get("lines") is not None and cart.lines:
                newest = [
                    event
                    for event in Event.objects.filter(name="Cart Updated", properties__cart_id=cart.key)
                    if event.properties.get("lines") == cart.lines
                ]
                assert newest, "the timeline never told this cart"
        transaction.set_rollback(True)


def test_adding_again_adds_up_and_keeps_what_was_not_told_again() -> None:
    cart = carts.fold(
        carts.Cart(), "Product Added", {"sku": "S1", "name": "Shoe", "price": "9.90", "url": "/s1"}, START
    )
    cart = carts.fold(cart, "Product Added", {"sku": "S1", "quantity": 2}, START)
    assert cart.lines == ({"sku": "S1", "name": "Shoe", "quantity": 3, "price": "9.90", "url": "/s1", "image": ""},)
    assert str(cart.value) == "29.70"


def test_looking_at_a_cart_does_not_change_it() -> None:
    cart = carts.fold(carts.Cart(), "Product Added", {"sku": "S1"}, START)
    seen = carts.fold(cart, "Cart Viewed", {}, START + timedelta(hours=1))
    assert seen.lines == cart.lines
    assert seen.touched_at == START + timedelta(hours=1)


def test_taking_out_without_a_number_takes_the_whole_line_out() -> None:
    cart = carts.fold(carts.Cart(), "Product Added", {"sku": "S1", "quantity": 5}, START)
    assert carts.fold(cart, "Product Removed", {"sku": "S1", "quantity": 2}, START).lines[0]["quantity"] == 3
    assert carts.fold(cart, "Product Removed", {"sku": "S1"}, START).state == "emptied"


def test_the_order_that_comes_a_moment_late_still_closes_the_cart() -> None:
    cart = carts.fold(carts.Cart(), "Product Added", {"sku": "S1"}, START)
    assert carts.fold(cart, "Order Completed", {}, START - timedelta(minutes=4)).state == "ordered"
    assert carts.fold(cart, "Order Completed", {}, START - timedelta(hours=4)).state == "open"


@pytest.mark.parametrize(
    ("given_total", "kept"),
    [
        (42.5, "42.50"),
        ("42.5", "42.50"),
        ({"amount": "42.50", "currency": "USD"}, "42.50"),
        (0, "0.00"),
        (7, "7.00"),
    ],
)
def test_money_has_one_shape(given_total: Any, kept: str) -> None:
    told = commerce.normalise("Order Completed", {"total": given_total}, "EUR")
    assert told["total"]["amount"] == kept
    assert commerce.normalise("Order Completed", told, "EUR") == told


def test_other_peoples_events_keep_their_properties() -> None:
    told = {"price": "cheap", "products": 3}
    assert commerce.normalise("Quiz Answered", told, "EUR") == told
