"""What templates may say about a person, read live for a whole batch (decision B25).

`gather()` reads (at most six queries for any number of messages), `values()` shapes.
Prices, stock and carts are those of this moment, not of the moment the journey began:
a message that promises "2 left" must not be three days old.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr, quote
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import connection

from crm import consent, workspace
from crm.models.team import Workspace

VIEWED_AT_MOST: Final = 3
PRODUCTS_AT_MOST: Final = 50
VIEWED_DAYS: Final = 90
ONLINE: Final = "online"

CONTACTS: Final = """
SELECT c.id, c.given_name, c.family_name, c.language, c.country, c.region, c.city, c.postal_code, c.birth_date,
       c.zone, c.fields, s.code, s.name, s.zone, s.country, s.address, s.hours
FROM crm_contact c LEFT JOIN crm_store s ON s.id = c.home_store_id
WHERE c.id = ANY(%s)"""

CARTS: Final = """
SELECT cart.contact_id, cart.key, cart.lines, cart.currency
FROM unnest(%s::bigint[], %s::text[]) AS wanted(contact, key)
JOIN crm_cart cart ON cart.contact_id = wanted.contact AND cart.key = wanted.key"""

VIEWED: Final = """
SELECT wanted.contact, seen.sku
FROM unnest(%s::bigint[]) AS wanted(contact),
LATERAL (
  SELECT latest.sku, max(latest.occurred_at) AS at FROM (
    SELECT coalesce(e.properties->>'sku', e.properties->>'product_id') AS sku, e.occurred_at
    FROM crm_event e
    WHERE e.contact_id = wanted.contact AND e.name = 'Product Viewed' AND e.occurred_at > %s AND e.occurred_at <= %s
    ORDER BY e.occurred_at DESC LIMIT 30
  ) latest WHERE latest.sku <> '' GROUP BY latest.sku ORDER BY at DESC LIMIT %s
) seen ORDER BY wanted.contact, seen.at DESC"""

PRODUCTS: Final = """
SELECT p.sku, p.name, p.url, p.image, p.price, p.currency, p.brand, p.categories, p.active, p.attributes,
       (SELECT json_object_agg(k.place, k.available) FROM crm_stock k WHERE k.sku = p.sku)
FROM crm_product p WHERE p.sku = ANY(%s)"""


class Asking(Protocol):
    """A message of the outbox, as far as its facts go."""

    @property
    def id(self) -> int: ...
    @property
    def contact_id(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def content_id(self) -> int | None: ...
    @property
    def campaign_id(self) -> int | None: ...
    @property
    def address_id(self) -> int | None: ...
    @property
    def entry(self) -> str: ...
    @property
    def context(self) -> Mapping[str, Any] | None: ...


@dataclass
class Known:
    """What was read for a batch: rows by their keys, as plain data."""

    contacts: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    carts: Mapping[tuple[int, str], tuple[list[dict[str, Any]], str]] = field(default_factory=dict)
    viewed: Mapping[int, list[str]] = field(default_factory=dict)
    products: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    tracked: frozenset[int] = frozenset()


def gather(messages: Sequence[Asking], uses: Mapping[int, frozenset[str]], now: datetime) -> dict[int, dict[str, Any]]:
    """Message id → values. `uses`: content id → the outer names it reads; others are not fetched."""
    used = {each.id: uses.get(each.content_id or 0, frozenset()) for each in messages}
    known = Known(
        contacts=_contacts({each.contact_id for each in messages}),
        tracked=_tracked(messages, now),
    )
    known.carts = _carts({(each.contact_id, _cart_key(each)) for each in messages if "products" in used[each.id]})
    known.viewed = _viewed({each.contact_id for each in messages if "viewed" in used[each.id]}, now)
    known.products = _products(
        {
            line["sku"]
            for each in messages if "products" in used[each.id] for line in _lines(each, known.carts)[0]
        }
        | {sku for skus in known.viewed.values() for sku in skus}
    )  # fmt: skip
    space = workspace.current()
    return {each.id: values(each, known, used[each.id], space, now) for each in messages}


def values(message: Asking, known: Known, uses: frozenset[str], space: Workspace, now: datetime) -> dict[str, Any]:
    """The names a template may use, as plain data. Pure: everything it says is in its arguments."""
    row = known.contacts.get(message.contact_id)
    contact = _contact(row)
    context = _mapping(message.context)
    store = _store(row)
    made: dict[str, Any] = {
        "contact": contact,
        "store": store,
        "entry": _event(context.get("entry")),
        "event": _event(context.get("event") or context.get("entry")),
        "campaign": {"id": message.campaign_id, "name": "", **_mapping(context.get("campaign"))},
        "_": {
            "now": now.isoformat(),
            "zone": contact["zone"] or space.zone,
            "language": contact["language"] or space.language,
            "currency": space.currency,
            "workspace": space.name,
            "postal_address": space.postal_address,
            "default_sender": _sender(space),
            "sms_sender": space.sms_sender,
            "tracked": message.id in known.tracked,
        },
    }
    if "products" in uses:
        lines, currency = _lines(message, known.carts)
        made["products"] = [_product(line, known.products, store, currency or space.currency) for line in lines]
    if "viewed" in uses:
        skus = known.viewed.get(message.contact_id, ())
        made["viewed"] = [_product({"sku": sku}, known.products, store, space.currency) for sku in skus]
    return made


def _sender(space: Workspace) -> str:
    """The mailbox that mails come from where their content names none."""
    if not space.sender_address and not space.sender_name:
        return str(settings.DEFAULT_FROM_EMAIL)
    address = space.sender_address or parseaddr(str(settings.DEFAULT_FROM_EMAIL))[1]
    return f'"{quote(space.sender_name)}" <{address}>' if space.sender_name else address


def catalogued(skus: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """Products as the catalogue has them now, by sku; for those who make values without a message."""
    return _products(set(skus))


def _contacts(ids: Iterable[int]) -> dict[int, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(CONTACTS, [list(ids)])
        return {row[0]: row for row in cursor.fetchall()}


def _tracked(messages: Sequence[Asking], now: datetime) -> frozenset[int]:
    """The messages whose person allows opens and clicks to be tied to them (C18)."""
    keys = {each.id: (each.contact_id, each.address_id, "tracking", each.channel) for each in messages}
    standings = consent.standings(list(dict.fromkeys(keys.values())))
    return frozenset(
        number
        for number, key in keys.items()
        if isinstance(consent.decide(standings[key], "marketing", now), consent.Allow)
    )


def _carts(wanted: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[list[dict[str, Any]], str]]:
    pairs = sorted(pair for pair in wanted if pair[1])
    if not pairs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(CARTS, [[contact for contact, _ in pairs], [key for _, key in pairs]])
        return {(contact, key): (_plain_lines(lines), currency) for contact, key, lines, currency in cursor.fetchall()}


def _viewed(contacts: set[int], now: datetime) -> dict[int, list[str]]:
    if not contacts:
        return {}
    found: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(VIEWED, [sorted(contacts), now - timedelta(days=VIEWED_DAYS), now, VIEWED_AT_MOST])
        for contact, sku in cursor.fetchall():
            found.setdefault(contact, []).append(sku)
    return found


def _products(skus: set[str]) -> dict[str, tuple[Any, ...]]:
    if not skus:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PRODUCTS, [sorted(skus)])
        return {row[0]: row for row in cursor.fetchall()}


def _cart_key(message: Asking) -> str:
    """Which cart a message is about: what the asker says, the run's key, or the entry event's cart."""
    context = _mapping(message.context)
    if context.get("cart_key"):
        return str(context["cart_key"])
    key = message.entry.rpartition("#")[0]
    if key:
        return key
    properties = _event(context.get("entry"))
    return str(properties.get("cart_id") or "")


def _lines(
    message: Asking, carts: Mapping[tuple[int, str], tuple[list[dict[str, Any]], str]]
) -> tuple[list[dict[str, Any]], str]:
    """The cart's latest lines; without a cart, those of the event that began it all."""
    found = carts.get((message.contact_id, _cart_key(message)))
    if found is not None:
        return found
    context = _mapping(message.context)
    entry = _event(context.get("entry"))
    lines = context.get("products") or entry.get("products") or entry.get("lines") or []
    if not lines and (entry.get("sku") or entry.get("product_id")):
        lines = [entry]
    return _plain_lines(lines), str(entry.get("currency") or "")


def _plain_lines(lines: Any) -> list[dict[str, Any]]:
    """Lines as they come from carts and events: texts alone are skus."""
    plain = []
    lines = _decoded(lines)
    for line in lines if isinstance(lines, list) else []:
        told = {"sku": line} if isinstance(line, str) else _mapping(line)
        sku = str(told.get("sku") or told.get("product_id") or "")
        if sku:
            plain.append({**told, "sku": sku})
    return plain[:PRODUCTS_AT_MOST]


def _product(
    line: Mapping[str, Any], products: Mapping[str, tuple[Any, ...]], store: Mapping[str, Any], currency: str
) -> dict[str, Any]:
    """A product as the catalogue has it now; what the catalogue does not know, as the event had it."""
    row = products.get(line["sku"])
    stock: Mapping[str, int] = (row[10] if row else None) or {}
    price = row[4] if row and row[4] is not None else _amount(line.get("price"))
    places = [stock[place] for place in (ONLINE, str(store.get("code") or "")) if place in stock]
    available = sum(max(count, 0) for count in places) if places else None
    return {
        "sku": line["sku"],
        "name": (row[1] if row else "") or str(line.get("name") or line["sku"]),
        "url": (row[2] if row else "") or str(line.get("url") or "") or None,
        "image": (row[3] if row else "") or str(line.get("image") or line.get("image_url") or "") or None,
        "price": None if price is None else str(price),
        "currency": (row[5] if row else "") or currency,
        "brand": (row[6] if row else str(line.get("brand") or "")) or None,
        "categories": list(row[7]) if row else [],
        "attributes": _mapping(row[9]) if row else {},
        "quantity": line.get("quantity") or 1,
        "active": bool(row[8]) if row else True,
        "available": available,
        "units_left": available,
        "online": stock.get(ONLINE),
        "in_store": stock.get(str(store.get("code") or "")),
        # Unknown stock is not "none left": shops that do not report it keep their messages.
        "sold_out": available == 0 or (row is not None and not row[8]),
    }


def _contact(row: tuple[Any, ...] | None) -> dict[str, Any]:
    """What is not known is None, not an empty text: in Liquid only that is false for `{% if %}`."""
    if row is None:
        row = (0, "", "", "", "", "", "", "", None, "", {}, *(None,) * 6)
    names = (
        "given_name", "family_name", "language", "country", "region", "city", "postal_code", "birth_date", "zone",
    )  # fmt: skip
    contact: dict[str, Any] = {name: value or None for name, value in zip(names, row[1:10], strict=True)}
    if contact["birth_date"]:
        contact["birth_date"] = contact["birth_date"].isoformat()
    contact["name"] = f"{row[1]} {row[2]}".strip() or None
    contact["fields"] = _mapping(row[10])
    return contact


def _store(row: tuple[Any, ...] | None) -> dict[str, Any]:
    code, name, zone, country, address, hours = row[11:17] if row else (None,) * 6
    return {
        "code": code or None, "name": name or None, "zone": zone or None, "country": country or None,
        "address": _mapping(address), "hours": _mapping(hours),
    }  # fmt: skip


def _event(event: Any) -> dict[str, Any]:
    """An event for templates: `entry.properties.colour`, in short `entry.colour`."""
    event = _mapping(event)
    properties = _mapping(event.get("properties"))
    return {**properties, **event}


def _amount(price: Any) -> Any:
    return price.get("amount") if isinstance(price, Mapping) else price


def _mapping(value: Any) -> dict[str, Any]:
    value = _decoded(value)
    return dict(value) if isinstance(value, Mapping) else {}


def _decoded(value: Any) -> Any:
    """JSON that a bare cursor gives as text."""
    return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value
