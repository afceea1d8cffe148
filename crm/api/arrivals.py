"""From the shapes of REST to what the verbs take, and from their problems back to places in the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from crm import capture, commerce, identity, normalise, orders, references, workspace
from crm.api import bounds
from crm.capture import Arrival
from crm.errors import Problem, Problems
from crm.models import Order, Store
from crm.rest.principal import Principal

EVENT: Final = frozenset(
    {
        "contact",
        "name",
        "properties",
        "occurred_at",
        "event_id",
        "channel",
        "source",
        "session",
        "context",
        "historic",
    }
)
CONTEXT: Final = frozenset({"page", "referrer", "utm", "click_ids"})
TEXTS: Final = (("occurred_at", 40), ("event_id", 200), ("channel", 20), ("source", 120), ("session", 80))


def of_contact(draft: Mapping[str, Any], asker: Principal) -> Arrival:
    said = dict(draft)
    traces = said.pop("identifiers")
    consents = said.pop("consents", ())
    source = said.pop("source", "")
    if asker.store_code and "home_store" not in said and _nobody(traces):
        said["home_store"] = asker.store_code  # a till's new people are its own
    shared = bool(said.pop("shared_device", False))
    return Arrival(
        traces, said, consents=[dict(each) for each in consents], source=source, actor=asker.actor, shared_device=shared
    )


def of_consent(said: Mapping[str, Any], asker: Principal) -> Arrival:
    statement = dict(said)
    contact = statement.pop("contact")
    return Arrival(contact, consents=[statement], source=statement.get("source", ""), actor=asker.actor)


def of_event(data: Any, actor: str) -> Arrival:
    """An event as it was sent; raises `Problems`. What is inside is the reader's of `crm.intake`."""
    if type(data) is not dict:
        raise Problem("", "not_an_object", "An event is a JSON object, in braces.")
    found = _mistakes(data)
    contact = data.get("contact")
    try:
        if references.check(contact, "/contact") == "id":
            contact = references.read(contact, "/contact")
    except Problem as problem:
        found.append(problem)
    if found:
        raise Problems(found)
    return Arrival(
        contact or {}, events=[{name: value for name, value in data.items() if name != "contact"}], actor=actor
    )


def places(problems: Sequence[Problem]) -> list[Problem]:
    """Problems of an arrival with one event or consent, as places in the body that brought it."""
    return [Problem(_place(problem.pointer), problem.code, problem.detail) for problem in problems]


def refuse(received: capture.Received) -> None:
    """Raise what is wrong with an arrival, if anything is."""
    if received.problems:
        raise Problems(places(received.problems))


def take_order(draft: Mapping[str, Any], asker: Principal, now: datetime) -> bool:
    """Store an order; whether it is new."""
    store = store_of(draft.get("store"), asker)
    new = _order(draft, store, now)
    (received,) = capture.receive([Arrival(draft["contact"], actor=asker.actor)], now=now)
    refuse(received)
    (recorded,) = orders.record([new(received.contact_id)], now=now)
    if recorded.contact_id != received.contact_id:
        raise Problem("/order_id", "order_of_another_contact", "This order_id is another contact's; it stays theirs.")
    return recorded.created


def refund_order(order: Order, said: Mapping[str, Any], now: datetime) -> None:
    bounds.refuse([("/occurred_at", said.get("occurred_at"))], now)
    money = said.get("amount")
    if money and money["currency"] != order.currency:
        raise Problem("/amount/currency", "currency", f"This order was paid in {order.currency}.")
    asked = orders.Refund(
        order.order_id,
        said.get("occurred_at") or now,
        money["amount"] if money else None,
        refund_id=said.get("refund_id", ""),
    )
    _settle(orders.refund([asked], now=now))


def cancel_order(order: Order, said: Mapping[str, Any], now: datetime) -> None:
    bounds.refuse([("/occurred_at", said.get("occurred_at"))], now)
    asked = orders.Cancellation(order.order_id, said.get("occurred_at") or now, said.get("reason", ""))
    _settle(orders.cancel([asked], now=now))


def store_of(code: str | None, asker: Principal) -> Store | None:
    """The store of an order: the one named, or the till's own; a till speaks for no other."""
    code = code or asker.store_code
    if not code:
        return None
    store = Store.objects.filter(code=code).first()
    if store is None:
        raise Problem("/store", "no_such_store", f"There is no store {code[:40]!r}.")
    if asker.stores is not None and store.pk not in asker.stores:
        raise Problem("/store", "forbidden", "This key speaks for its own store only.")
    return store


def _nobody(identifiers: Sequence[Mapping[str, str]]) -> bool:
    country = workspace.current().country
    try:
        return identity.find([normalise.trace(each["kind"], each["value"], country) for each in identifiers]) is None
    except Problem:
        return False  # capture says what is wrong with it


def _order(draft: Mapping[str, Any], store: Store | None, now: datetime) -> Any:
    """Everything but whose it is."""
    bounds.refuse([("/occurred_at", draft["occurred_at"])], now)
    currency = draft["total"]["currency"]
    _refuse_mixed(draft, currency)
    lines = commerce.lines([dict(line) | {"price": line["price"]["amount"]} for line in draft["lines"]], "/lines")
    discount = draft.get("discount")

    def of(contact_id: int | None) -> orders.NewOrder:
        return orders.NewOrder(
            contact_id or 0,
            draft["order_id"],
            draft["occurred_at"],
            draft["total"]["amount"],
            currency,
            lines,
            channel=draft.get("channel") or ("store" if store else "web"),
            store_id=store.pk if store else None,
            cart_id=draft.get("cart_id", ""),
            discount=discount["amount"] if discount else orders.NOTHING,
            coupon=draft.get("coupon", ""),
            historic=draft.get("historic", False),
        )

    return of


def _refuse_mixed(draft: Mapping[str, Any], currency: str) -> None:
    prices = [(f"/lines/{place}/price/currency", line["price"]) for place, line in enumerate(draft["lines"])]
    if draft.get("discount"):
        prices.append(("/discount/currency", draft["discount"]))
    found = [
        Problem(pointer, "currency", f"An order has one currency; its total is in {currency}.")
        for pointer, money in prices
        if money["currency"] != currency
    ]
    if found:
        raise Problems(found)


def _settle(answers: Sequence[orders.Recorded | Problem]) -> None:
    for answer in answers:
        if isinstance(answer, Problem):
            raise answer


def _mistakes(data: Mapping[str, Any]) -> list[Problem]:
    """Types and lengths: what a reader that is kind to SDKs and files would bend or cut."""
    found = [
        Problem(f"/{name}", "wrong_text", f"{name} is text of at most {most} characters.")
        for name, most in TEXTS
        if (value := data.get(name)) is not None and (type(value) is not str or len(value) > most)
    ]
    found += [
        Problem(f"/{name}", "not_an_object", f"{name} is an object, in braces.")
        for name in ("properties", "context")
        if (value := data.get(name)) is not None and type(value) is not dict
    ]
    if type(data.get("historic", False)) is not bool:
        found.append(Problem("/historic", "not_a_boolean", "historic is true or false."))
    if not data.keys() <= EVENT:
        found += [
            Problem(
                f"/{name}", "unknown_field", f"There is no field {name[:80]!r} in an event; own data go in properties."
            )
            for name in data
            if name not in EVENT
        ]
    context = data.get("context")
    if type(context) is dict and not context.keys() <= CONTEXT:
        found += [
            Problem(f"/context/{name}", "unknown_field", f"context has {', '.join(sorted(CONTEXT))}.")
            for name in context
            if name not in CONTEXT
        ]
    return found


def _place(pointer: str) -> str:
    for inner in ("/events/0", "/consents/0"):
        if pointer.startswith(inner):
            return pointer[len(inner) :]
    if pointer == "/id" or pointer.startswith("/identifiers"):
        return "/contact"
    return pointer
