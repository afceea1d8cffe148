"""A purchase at the till, once by its key, told to the campaigns at once; and its void within ten minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db.models import Q, QuerySet

from crm import clock, errors, normalise, orders, publicids, workspace
from crm.errors import Problem
from crm.models import Contact, Order, Product, Store, TillEntry
from crm.orders import Cancellation, NewOrder
from crm.till import people
from crm.till.desk import Desk
from crm.till.entries import Done

MOST: Final = Decimal(1000000)
# From here on staff are asked once more whether the amount is right.
LARGE: Final = Decimal(10000)
LINES: Final = 200
VOID: Final = timedelta(minutes=10)
FIELDS: Final = {"contact", "card", "phone", "email", "amount", "lines", "sure"}


def purchase(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{contact | card | phone | email, amount, lines?, sure?}`."""
    unknown = sorted(set(body) - FIELDS)
    if unknown:
        raise Problem(f"/{unknown[0]}", "unknown", "There is no such field.")
    customer = _customer(desk.store, body)
    total, lines = _amount(body.get("amount")), _lines(body.get("lines"))
    if total >= LARGE and body.get("sure") is not True:
        raise Problem("/amount", "large", f"{total} is a lot: is it right?")
    space = workspace.current()
    order_id = f"{desk.store.code}:{key}"
    orders.record(
        [
            NewOrder(
                customer.pk, order_id, happened, total, space.currency, lines, "store", desk.store.pk,
                source=desk.source, extra={"store": desk.store.code},
            )
        ],
        now=now,
    )  # fmt: skip
    told = {"contact": publicids.encode("ctc", customer.pk), "amount": str(total), "currency": space.currency}
    return Done(customer.pk, told, order_id=order_id)


def void(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{order}`. Only here, and only within ten minutes."""
    del key
    entry = TillEntry.objects.filter(store=desk.store, kind="purchase", order_id=str(body.get("order", ""))).first()
    order = Order.objects.filter(order_id=entry.order_id).first() if entry else None
    if entry is None or order is None:
        raise Problem("/order", "not_found", "There is no such purchase of this store.")
    # A till's clock may be wrong, or set back: it is late too if we have had the purchase for so long.
    if happened - entry.happened_at > VOID or clock.real() - entry.taken_at > VOID:
        raise Problem("/order", "too_late", "A purchase can be voided for 10 minutes; after that a manager refunds it.")
    if order.state == Order.State.CANCELLED:
        return Done(entry.contact_id, {"voided": True}, order_id=entry.order_id)
    asked = Cancellation(order.order_id, max(happened, order.occurred_at), "void", desk.source)
    (answer,) = orders.cancel([asked], now=now)
    if isinstance(answer, errors.Problem):
        raise answer
    return Done(entry.contact_id, {"voided": True}, order_id=entry.order_id)


def recent(store: Store, device: int, now: datetime, limit: int = 8) -> Sequence[Mapping[str, Any]]:
    """The last purchases of this till, for a void. Three queries."""
    rows = list(
        TillEntry.objects.filter(store=store, device=device, kind="purchase", state="done").order_by("-taken_at")[
            :limit
        ]
    )
    bought = {row.order_id: row for row in Order.objects.filter(order_id__in=[row.order_id for row in rows])}
    buyers = list(Contact.objects.filter(pk__in=[row.contact_id for row in rows]))
    who = {each.id: each for each in people.customers(buyers)}
    return [
        {
            "entry": row, "order": bought[row.order_id], "customer": who.get(row.contact_id or 0),
            "voided": bought[row.order_id].state == Order.State.CANCELLED,
            "can_void": bought[row.order_id].state == Order.State.COMPLETED and now - row.happened_at <= VOID,
        }
        for row in rows if row.order_id in bought
    ]  # fmt: skip


def product(code: str, currency: str) -> dict[str, str] | None:
    """What is sold under an article number or a bar code (`attributes.gtin`); no price of another currency."""
    code = normalise.clean(code).replace("\0", "")
    found = min(named(code)[:20], key=lambda row: (row.sku != code, row.sku), default=None) if code else None
    if found is None:
        return None
    priced = found.price is not None and found.currency in ("", currency)
    return {"sku": found.sku, "name": found.name, "price": str(found.price) if priced else ""}


def named(code: str) -> QuerySet[Product]:
    """The articles with this number, or this bar code: GS1 numbers are the same with zeros before them."""
    alike = [code.lstrip("0").zfill(length) for length in (8, 12, 13, 14)] if code.isdecimal() else []
    return Product.objects.filter(Q(sku=code) | Q(attributes__gtin__in=alike), active=True)


def _customer(store: Store, body: Mapping[str, Any]) -> Contact:
    """Whose purchase it is: somebody this store sees, or whoever shows something whole of theirs."""
    if body.get("contact"):
        found = people.one(store, publicids.decode("ctc", str(body["contact"]), "/contact"))
    else:
        text = next((str(body[kind]) for kind in people.KINDS if body.get(kind)), "")
        if not text:
            raise Problem("/contact", "required", "Say who buys: scan the card, or find them.")
        whole = people.holders(people.traces(text, store))
        found = people.living().filter(pk__in=whole).first() if len(whole) == 1 else None
    if found is None:
        raise Problem("/contact", "not_found", "Nobody is known by this. Enrol them first, or look for them.")
    return found


def _amount(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise Problem("/amount", "not_a_number", "Type the amount, as in 42.50.") from None
    if not amount.is_finite() or amount <= 0:
        raise Problem("/amount", "not_positive", "An amount is more than nothing.")
    if amount > MOST:
        raise Problem("/amount", "too_much", f"More than {MOST} is no purchase of a till.")
    if amount != amount.quantize(Decimal("0.01")):
        raise Problem("/amount", "too_fine", "An amount has two decimals at most.")
    return amount.quantize(Decimal("0.01"))


def _lines(value: Any) -> list[dict[str, Any]]:
    """Products, if the till sends them: `[{"sku", "name"?, "quantity", "price"}]`."""
    if value in (None, []):
        return []
    if not isinstance(value, list) or len(value) > LINES:
        raise Problem("/lines", "too_many", f"A purchase has at most {LINES} lines.")
    found = []
    for place, line in enumerate(value):
        if not isinstance(line, dict) or not str(line.get("sku") or "").strip():
            raise Problem(f"/lines/{place}/sku", "required", "A line names its product.")
        found.append({
            "sku": str(line["sku"]).strip()[:80], "name": str(line.get("name") or "")[:300],
            "quantity": _part(line.get("quantity", 1), f"/lines/{place}/quantity"),
            "price": _part(line.get("price", 0), f"/lines/{place}/price"),
        })  # fmt: skip
    return found


def _part(value: Any, pointer: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Problem(pointer, "not_a_number", "This is no number.") from None
    if not number.is_finite() or not 0 <= number <= MOST:
        raise Problem(pointer, "not_positive", "This cannot be so.")
    return number
