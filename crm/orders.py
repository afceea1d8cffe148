"""Purchases, refunds and cancellations: each once for ever, each told to the timeline.

Whoever brings a purchase (`POST orders/`, an SDK's `Order Completed`, the till, an
import) brings it through `record`, so a shop that sends both counts once (decision A8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from crm import arrays, carts, catalogue, commerce, errors, timeline

NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class NewOrder:
    """A purchase. `lines` are in the shape of `commerce.lines`; `extra` goes with its event."""

    contact_id: int
    order_id: str
    occurred_at: datetime
    total: Decimal
    currency: str
    lines: Sequence[Mapping[str, Any]] = ()
    channel: str = "web"
    store_id: int | None = None
    cart_id: str = ""
    discount: Decimal = NOTHING
    coupon: str = ""
    historic: bool = False
    source: str = ""
    session: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """`created` False: this `order_id` was known (and may be another contact's). `event_id` is its fact."""

    order_id: str
    id: int
    contact_id: int
    created: bool
    event_id: int | None


@dataclass(frozen=True)
class Refund:
    """Money given back. `amount` None: all that is left. `refund_id` makes a partial one once."""

    order_id: str
    occurred_at: datetime
    amount: Decimal | None = None
    lines: Sequence[Mapping[str, Any]] = ()
    refund_id: str = ""
    source: str = ""
    historic: bool = False


@dataclass(frozen=True)
class Cancellation:
    order_id: str
    occurred_at: datetime
    reason: str = ""
    source: str = ""
    historic: bool = False


def record(orders: Sequence[NewOrder], *, now: datetime) -> list[Recorded]:
    """Store purchases and tell them. One answer per order, in order."""
    with transaction.atomic():
        hold([order.contact_id for order in orders])
        known, facts = put(orders, now=now)
        carts.put([closing(place, orders[place]) for place in facts if orders[place].cart_id], "")
        events = dict(zip(facts, timeline.record(list(facts.values()), now=now), strict=True))
    return [
        Recorded(order.order_id, *known[order.order_id], place in facts, events.get(place))
        for place, order in enumerate(orders)
    ]


def put(orders: Sequence[NewOrder], *, now: datetime) -> tuple[dict[str, tuple[int, int]], dict[int, timeline.NewFact]]:
    """Store purchases; the contacts are locked by the caller, who also tells the facts and closes the carts.

    Answers `order_id → (id, contact)` of all of them, and by place the fact of each new one.
    """
    if not orders:
        return {}, {}
    first = {order.order_id: place for place, order in reversed(list(enumerate(orders)))}
    written = {
        order_id: number
        for number, order_id in arrays.insert(
            "crm_order",
            ORDER,
            [_row(orders[place], now) for _, place in sorted(first.items())],
            conflict="(order_id) DO NOTHING",
            returning="id, order_id",
        )
    }
    new = {place: orders[place] for order_id, place in sorted(first.items()) if order_id in written}
    arrays.insert(
        "crm_orderline",
        {"order_id": "bigint", "sku": "text", "name": "text", "quantity": "numeric", "price": "numeric"},
        [
            (written[order.order_id], line["sku"], line["name"], line["quantity"], line["price"] or NOTHING)
            for order in new.values()
            for line in order.lines
        ],
    )
    kinds = catalogue.categories(line["sku"] for order in new.values() for line in order.lines)
    facts = {place: _fact(order, kinds) for place, order in sorted(new.items())}
    return _known(list(first)), facts


def hold(contacts: Sequence[int]) -> None:
    """Lock the contacts: their carts are folded one at a time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM crm_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted(set(contacts))],
        )


def refund(refunds: Sequence[Refund], *, now: datetime) -> list[Recorded | errors.Problem]:
    """Give money back. An order that is fully refunded or cancelled refunds no more."""
    return _change(refunds, _refunded, now)


def cancel(cancellations: Sequence[Cancellation], *, now: datetime) -> list[Recorded | errors.Problem]:
    """Take purchases back as a whole; once."""
    return _change(cancellations, _cancelled, now)


# A row as it stands, but for whose it is: two contacts that become one change nothing about a purchase.
IMAGE = "to_jsonb(o) - '{id,contact_id}'::text[]"


def take_back(images: Mapping[str, str]) -> tuple[list[str], list[int]]:
    """Purchases that are as they were recorded go, with their lines, their facts and what they did to carts.

    `images`: by order id, what `IMAGE` said then. Answers which went, and of whom they were.
    """
    known = _known(sorted(images))
    hold([contact for _, contact in known.values()])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT o.id, o.order_id, o.contact_id, o.cart_key, o.occurred_at
                FROM unnest(%s::text[], %s::jsonb[]) AS was(order_id, image)
                JOIN crm_order o ON o.order_id = was.order_id AND {IMAGE} = was.image
                ORDER BY o.id FOR UPDATE OF o""",  # noqa: S608 - our own names
            [list(images), list(images.values())],
        )
        going = cursor.fetchall()
        numbers = [number for number, *_ in going]
        cursor.execute("DELETE FROM crm_orderline WHERE order_id = ANY(%s)", [numbers])
        cursor.execute("DELETE FROM crm_order WHERE id = ANY(%s)", [numbers])
    timeline.withdraw([f"order:{order_id}" for _, order_id, *_ in going])
    carts.reopen([(contact, key, at) for _, _, contact, key, at in going if key])
    return [order_id for _, order_id, *_ in going], sorted({contact for _, _, contact, *_ in going})


# --- how ---------------------------------------------------------------------------------------

ORDER = {
    "order_id": "text",
    "contact_id": "bigint",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
    "total": "numeric",
    "discount": "numeric",
    "currency": "text",
    "coupon": "text",
    "channel": "text",
    "store_id": "bigint",
    "cart_key": "text",
    "historic": "boolean",
}


@dataclass
class _Order:
    """A stored order as a refund or cancellation finds it."""

    id: int
    contact_id: int
    order_id: str
    state: str
    total: Decimal
    refunded: Decimal
    currency: str
    channel: str


def _row(order: NewOrder, now: datetime) -> tuple[Any, ...]:
    return (
        order.order_id,
        order.contact_id,
        order.occurred_at,
        now,
        order.total,
        order.discount,
        order.currency,
        order.coupon[:80],
        order.channel or "web",
        order.store_id,
        order.cart_id[: carts.LONGEST_KEY],
        order.historic,
    )


def _known(order_ids: list[str]) -> dict[str, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT order_id, id, contact_id FROM crm_order WHERE order_id = ANY(%s)", [order_ids])
        return {order_id: (number, contact) for order_id, number, contact in cursor.fetchall()}


def closing(place: int, order: NewOrder) -> carts.Change:
    """What a purchase does to its cart."""
    return carts.Change(
        place, order.contact_id, order.cart_id, carts.ORDERING, {"currency": order.currency}, order.occurred_at
    )


def _fact(order: NewOrder, kinds: Mapping[str, list[str]]) -> timeline.NewFact:
    products = [_product(line, kinds.get(line["sku"], [])) for line in order.lines]
    told = [line["category"] for line in order.lines if isinstance(line.get("category"), str)]
    properties = {
        **order.extra,
        "order_id": order.order_id,
        "total": {"amount": str(order.total), "currency": order.currency},
        "products": products,
        "skus": commerce.skus(products),
        "category": list(dict.fromkeys([*(kind for p in products for kind in kinds.get(p["sku"], [])), *told])),
    }
    if order.cart_id:
        properties["cart_id"] = order.cart_id
    if order.discount:
        properties["discount"] = {"amount": str(order.discount), "currency": order.currency}
    if order.coupon:
        properties["coupon"] = order.coupon
    return timeline.NewFact(
        order.contact_id,
        "Order Completed",
        properties,
        order.occurred_at,
        f"order:{order.order_id}",
        order.channel,
        order.source,
        order.session,
        context=order.context,
        historic=order.historic,
    )


def _product(line: Mapping[str, Any], kinds: list[str]) -> dict[str, Any]:
    category = kinds[0] if kinds else line.get("category") or ""
    return {
        "sku": line["sku"],
        "name": line["name"],
        "quantity": line["quantity"],
        "price": line["price"],
        "category": category,
    }


def _change(asked: Sequence[Any], change: Any, now: datetime) -> list[Recorded | errors.Problem]:
    answers: list[Recorded | errors.Problem | None] = [None] * len(asked)
    facts: dict[int, timeline.NewFact] = {}
    with transaction.atomic():
        orders = _lock([each.order_id for each in asked])
        told = timeline.known([_event_key(each) for each in asked if _event_key(each)])
        for place, each in enumerate(asked):
            order = orders.get(each.order_id)
            if order is None:
                answers[place] = errors.Problem("/order_id", "no_such_order", f"There is no order {each.order_id!r}.")
            elif _event_key(each) and _event_key(each) in told:
                answers[place] = Recorded(order.order_id, order.id, order.contact_id, created=False, event_id=None)
            else:
                answer = change(order, each)
                if isinstance(answer, errors.Problem):
                    answers[place] = answer
                else:
                    facts[place] = answer
                    told[answer.event_id or ""] = 0
        _store(orders)
        events = timeline.record(list(facts.values()), now=now)
    for place, event in zip(facts, events, strict=True):
        order = orders[asked[place].order_id]
        answers[place] = Recorded(order.order_id, order.id, order.contact_id, created=True, event_id=event)
    return [answer for answer in answers if answer is not None]


def _event_key(each: Refund | Cancellation) -> str:
    if isinstance(each, Cancellation):
        return f"cancel:{each.order_id}"
    return f"refund:{each.order_id}:{each.refund_id}" if each.refund_id else ""


def _lock(order_ids: Sequence[str]) -> dict[str, _Order]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, contact_id, order_id, state, total, refunded, currency, channel FROM crm_order
               WHERE order_id = ANY(%s) ORDER BY id FOR UPDATE""",
            [list(order_ids)],
        )
        return {row[2]: _Order(*row) for row in cursor.fetchall()}


def _refunded(order: _Order, asked: Refund) -> timeline.NewFact | errors.Problem:
    left = order.total - order.refunded
    amount = left if asked.amount is None else asked.amount
    if order.state in ("refunded", "cancelled"):
        return errors.Problem("/order_id", f"already_{order.state}", f"This order is {order.state} already.")
    if amount > left:
        return errors.Problem("/amount", "more_than_paid", f"Only {left} {order.currency} are left to refund.")
    order.refunded += amount
    order.state = "refunded" if order.refunded >= order.total else "partly_refunded"
    products = [_product(line, []) for line in asked.lines]
    return timeline.NewFact(
        order.contact_id,
        "Order Refunded",
        {
            "order_id": order.order_id,
            "total": {"amount": str(amount), "currency": order.currency},
            "full": order.state == "refunded",
            "products": products,
            "skus": commerce.skus(products),
        },
        asked.occurred_at,
        _event_key(asked) or None,
        order.channel,
        asked.source,
        historic=asked.historic,
    )


def _cancelled(order: _Order, asked: Cancellation) -> timeline.NewFact | errors.Problem:
    if order.state == "cancelled":
        return errors.Problem("/order_id", "already_cancelled", "This order is cancelled already.")
    order.state = "cancelled"
    return timeline.NewFact(
        order.contact_id,
        "Order Cancelled",
        {
            "order_id": order.order_id,
            "reason": asked.reason,
            "total": {"amount": str(order.total), "currency": order.currency},
        },
        asked.occurred_at,
        _event_key(asked),
        order.channel,
        asked.source,
        historic=asked.historic,
    )


def _store(orders: Mapping[str, _Order]) -> None:
    columns = {"id": "bigint", "state": "text", "refunded": "numeric"}
    rows = [(order.id, order.state, order.refunded) for order in orders.values()]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE crm_order o SET state = new.state, refunded = new.refunded
                FROM {arrays.unnest(columns)} WHERE o.id = new.id""",  # noqa: S608 - our own names
            arrays.parameters(rows, len(columns)),
        )
