"""Known values to offer while somebody types: fields, their values, events, what events carry, tags.

A taste, not a census: the newest contacts and events are looked at, so it costs the same beside
ten million of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import connection

from crm import ownfields
from crm.models import Store, Tag
from crm.segments import values
from crm.segments.describe import Offers
from crm.segments.leaves.contact import TEXTS

CONTACTS: Final = 2_000
EVENTS: Final = 30
MOST: Final = 60
LONGEST: Final = 80
USUAL_EVENTS: Final = (
    "Order Completed",
    "Product Viewed",
    "Product Added",
    "Checkout Started",
    "Card Linked",
    "Message Sent",
    "Message Clicked",
)
USUAL_PATHS: Final = ("category", "skus[]", "total.amount", "products[].sku", "products[].category", "coupon")


def known(source: str, offers: Offers) -> list[str]:
    """What to offer for an input's `source`."""
    head, _colon, rest = source.partition(":")
    if head == "events":
        return offers.once("events", events)
    if head in ("paths", "values"):
        event, _colon, path = rest.partition(":")
        seen = offers.once("carried", carried).get(event, [])
        return _paths(seen) if head == "paths" else _values(seen, path)
    if head == "tags":
        return offers.once("tags", lambda: list(Tag.objects.order_by("key").values_list("name", flat=True)[:MOST]))
    if head == "contact.home_store":
        return offers.once("stores", lambda: list(Store.objects.order_by("code").values_list("code", flat=True)[:MOST]))
    field = ownfields.known().get(head.removeprefix("fields."))
    if head.startswith("fields.") and field and field.choices:
        return list(field.choices)
    people = offers.once("people", contacts)
    if head == "fields":
        defined = list(ownfields.known())
        return list(dict.fromkeys([*defined, *_often(name for fields, _row in people for name in fields)]))
    if head.startswith("fields."):
        return _often(text for fields, _row in people for text in _texts(fields.get(head.removeprefix("fields."))))
    name = head.removeprefix("contact.")
    return _often(row[name] for _fields, row in people if row.get(name)) if name in TEXTS else []


def contacts() -> list[tuple[dict[str, Any], dict[str, str]]]:
    """(own fields, standard fields) of the newest contacts."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT fields::text, {', '.join(TEXTS)} FROM crm_contact WHERE NOT restricted ORDER BY id DESC LIMIT %s",  # noqa: S608
            [CONTACTS],
        )
        rows = cursor.fetchall()
    return [(_json(row[0]), dict(zip(TEXTS, row[1:], strict=True))) for row in rows]


def events() -> list[str]:
    """The names there are, by leaps over the index from each to the next."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH RECURSIVE leap(name) AS (
                 SELECT min(name) FROM crm_event
                 UNION ALL SELECT (SELECT min(e.name) FROM crm_event e WHERE e.name > leap.name)
                 FROM leap WHERE leap.name IS NOT NULL)
               SELECT name FROM leap WHERE name IS NOT NULL LIMIT 200"""
        )
        found = [name for (name,) in cursor.fetchall()]
    return [*found, *(name for name in USUAL_EVENTS if name not in found)]


def carried() -> dict[str, list[Any]]:
    """Event name -> what the newest events of that name carry."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT n.name, e.properties::text FROM unnest(%s::text[]) AS n(name), LATERAL (
                 SELECT properties FROM crm_event WHERE name = n.name ORDER BY occurred_at DESC LIMIT %s) e""",
            [events(), EVENTS],
        )
        found: dict[str, list[Any]] = {}
        for name, properties in cursor.fetchall():
            found.setdefault(name, []).append(_json(properties))
        return found


def _paths(seen: Iterable[Any]) -> list[str]:
    found = dict.fromkeys(path for properties in seen for path in _walk(properties))
    return list(dict.fromkeys([*found, *USUAL_PATHS]))[:MOST]


def _walk(value: Any, path: str = "", depth: int = 0) -> list[str]:
    """The paths to plain values and lists in what an event carries."""
    if isinstance(value, Mapping) and depth < 3:
        return [
            each
            for name, inner in value.items()
            for each in _walk(inner, f"{path}.{name}" if path else name, depth + 1)
        ]
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return [each for item in value[:3] for each in _walk(item, f"{path}[]", depth + 1)]
    return [path] if path and values.steps(path) else []


def _values(seen: Iterable[Any], path: str) -> list[str]:
    steps = values.steps(path) if path else None
    if not steps:
        return []
    return _often(text for properties in seen for value in values.at(properties, steps) for text in _texts(value))


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _often(texts: Iterable[str]) -> list[str]:
    counted = Counter(text for text in texts if text and len(text) <= LONGEST)
    return [text for text, _n in counted.most_common(MOST)]


def _json(text: str) -> Any:
    """An object of the database; other JSON is none."""
    found = json.loads(text)
    return found if isinstance(found, dict) else {}
