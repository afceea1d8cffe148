"""Carts folded from events: each change tells the timeline one `Cart Updated` with the whole cart.

`fold` is pure: the cart after one more event. `put` reads, folds and writes a batch. An
event that is older than what the cart already knows changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from crm import arrays, commerce, moments, timeline

ADDING: Final = "Product Added"
REMOVING: Final = "Product Removed"
WHOLE: Final = ("Cart Viewed", "Checkout Started", "Cart Updated")
EMPTYING: Final = "Cart Emptied"
ORDERING: Final = "Order Completed"
EVENTS: Final = frozenset({ADDING, REMOVING, *WHOLE, EMPTYING, ORDERING})
# What the shop tells itself is stored once, never echoed.
OWN: Final = ("Cart Updated", EMPTYING)
LONGEST_KEY: Final = 120


@dataclass(frozen=True)
class Cart:
    """One cart as the events so far make it. `touched_at` None: nothing is known of it yet."""

    state: str = "open"
    lines: tuple[dict[str, Any], ...] = ()
    currency: str = ""
    touched_at: datetime | None = None

    @property
    def value(self) -> Decimal:
        return commerce.worth(list(self.lines))


@dataclass(frozen=True)
class Change:
    """An event with a `cart_id`, in our shape. `place` is the caller's own mark."""

    place: int
    contact_id: int
    key: str
    name: str
    properties: Mapping[str, Any]
    occurred_at: datetime


def fold(cart: Cart, name: str, properties: Mapping[str, Any], occurred_at: datetime) -> Cart:
    """The cart after this event."""
    if cart.touched_at is not None and occurred_at < cart.touched_at:
        late_order = name == ORDERING and occurred_at >= cart.touched_at - moments.FUTURE
        return replace(cart, state="ordered") if late_order else cart
    currency = _currency(properties) or cart.currency
    if name == ORDERING:
        return replace(cart, state="ordered", currency=currency, touched_at=occurred_at)
    if cart.state == "ordered" and name not in (ADDING, "Cart Updated"):
        return cart  # the thank-you page shows the cart once more
    known = () if cart.state == "ordered" else cart.lines
    lines = _lines(known, name, properties)
    state = "open" if lines else "emptied" if cart.touched_at or name == EMPTYING else "open"
    return Cart(state, lines, currency, occurred_at)


def _lines(known: tuple[dict[str, Any], ...], name: str, properties: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    if name == EMPTYING:
        return ()
    if name in WHOLE:
        products = properties.get("products", properties.get("lines"))
        if products is None:
            return known
        return tuple(each for each in commerce.lines(products, "/products") if each["quantity"] > 0)
    line = commerce.line(properties)
    return _added(known, line) if name == ADDING else _removed(known, line, properties)


def _added(known: tuple[dict[str, Any], ...], line: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    if line["quantity"] <= 0:
        return known
    before = next((each for each in known if each["sku"] == line["sku"]), None)
    if before is None:
        return (*known, line)
    # What this event leaves out is still as it was.
    told = {key: value for key, value in line.items() if value not in ("", None)}
    after = {**before, **told, "quantity": before["quantity"] + line["quantity"]}
    return tuple(after if each is before else each for each in known)


def _removed(
    known: tuple[dict[str, Any], ...], line: dict[str, Any], properties: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    everything = properties.get("quantity") is None
    result = []
    for each in known:
        left = 0 if everything else each["quantity"] - line["quantity"]
        if each["sku"] != line["sku"]:
            result.append(each)
        elif left > 0:
            result.append({**each, "quantity": left})
    return tuple(result)


def _currency(properties: Mapping[str, Any]) -> str:
    for key in ("value", "total", "price"):
        if isinstance(properties.get(key), Mapping):
            return str(properties[key].get("currency") or "")
    return str(properties.get("currency") or "").upper()[:3]


def key_of(properties: Mapping[str, Any]) -> str:
    """The cart an event is about; empty if it names none."""
    value = properties.get("cart_id")
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


# --- the table -----------------------------------------------------------------------------


def put(changes: Sequence[Change], currency: str) -> dict[int, timeline.NewFact]:
    """Fold a batch, in its order. The contacts are locked by the caller.

    Answers, by `place`, the fact that each change of a cart tells: the whole cart.
    """
    if not changes:
        return {}
    before = _read(changes)
    carts, facts = dict(before), {}
    for change in changes:
        where = (change.contact_id, change.key)
        was = carts.get(where, Cart())
        carts[where] = cart = fold(was, change.name, change.properties, change.occurred_at)
        if _tells(was, cart, change):
            facts[change.place] = _fact(change, was, cart, currency)
    _write({where: cart for where, cart in carts.items() if cart != before.get(where)}, currency)
    return facts


def _tells(was: Cart, cart: Cart, change: Change) -> bool:
    if change.name == ORDERING or cart.touched_at is None:
        return False
    if change.name in OWN:
        return cart is not was
    return cart.lines != was.lines or (cart.state != was.state and bool(cart.lines))


def _fact(change: Change, was: Cart, cart: Cart, currency: str) -> timeline.NewFact:
    emptied = not cart.lines
    return timeline.NewFact(
        change.contact_id,
        EMPTYING if emptied else "Cart Updated",
        {
            "cart_id": change.key,
            "lines": list(cart.lines),
            "skus": commerce.skus(list(was.lines if emptied else cart.lines)),
            "value": {"amount": str(cart.value), "currency": cart.currency or currency},
        },
        occurred_at=change.occurred_at,
    )


def _read(changes: Sequence[Change]) -> dict[tuple[int, str], Cart]:
    wanted = sorted({(change.contact_id, change.key) for change in changes})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.contact_id, c.key, c.state, c.lines, c.currency, c.touched_at
               FROM unnest(%s::bigint[], %s::text[]) AS n(contact, key)
               JOIN crm_cart c ON c.contact_id = n.contact AND c.key = n.key""",
            [[contact for contact, _ in wanted], [key for _, key in wanted]],
        )
        return {
            (contact, key): Cart(
                state, tuple(json.loads(lines) if isinstance(lines, str) else lines), currency, touched
            )
            for contact, key, state, lines, currency, touched in cursor.fetchall()
        }


def _write(carts: Mapping[tuple[int, str], Cart], currency: str) -> None:
    rows = [
        (
            contact,
            key,
            cart.state,
            list(cart.lines),
            _array(commerce.skus(list(cart.lines))),
            cart.value,
            cart.currency or currency,
            cart.touched_at,
        )
        for (contact, key), cart in sorted(carts.items())
        if cart.touched_at is not None
    ]
    if not rows:
        return
    columns = {
        "contact_id": "bigint",
        "key": "text",
        "state": "text",
        "lines": "jsonb",
        "skus": "text",
        "value": "numeric",
        "currency": "text",
        "touched_at": "timestamptz",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO crm_cart ({", ".join(columns)})
                SELECT contact_id, key, state, lines,
                       array(SELECT jsonb_array_elements_text(skus::jsonb)), value, currency, touched_at
                FROM {arrays.unnest(columns)}
                ON CONFLICT (contact_id, key) DO UPDATE SET state = excluded.state, lines = excluded.lines,
                  skus = excluded.skus, value = excluded.value, currency = excluded.currency,
                  touched_at = excluded.touched_at""",  # noqa: S608 - our own names
            arrays.parameters(rows, len(columns)),
        )


def reopen(orders: Sequence[tuple[int, str, datetime]]) -> None:
    """The purchases that closed these carts never were: (contact, cart, when). The caller has locked the contacts."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH gone AS (
                 SELECT c.id, c.lines FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS o(contact, key, at)
                 JOIN crm_cart c ON c.contact_id = o.contact AND c.key = o.key AND c.state = 'ordered'
                   AND c.touched_at = o.at
                 WHERE NOT EXISTS (SELECT FROM crm_order r WHERE r.contact_id = o.contact AND r.cart_key = o.key)
               ), empty AS (DELETE FROM crm_cart c USING gone WHERE c.id = gone.id AND gone.lines = '[]')
               UPDATE crm_cart c SET state = 'open' FROM gone WHERE c.id = gone.id AND gone.lines <> '[]'""",
            [list(column) for column in zip(*orders, strict=True)] or [[], [], []],
        )


def _array(values: list[str]) -> str:
    """An array within an array parameter travels as JSON."""
    return json.dumps(values, ensure_ascii=False)
