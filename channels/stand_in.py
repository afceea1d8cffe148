"""Somebody to look at a message with: a contact with everything that is true of them now, or a made-up person.

choose(contact_id, event_names, …) → Person; values(person, now) → what a template reads, for a preview, a
test, or the picker. Nothing is written, and what is rendered with it goes to nobody but who looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from channels import facts
from channels.kinds import base
from crm import directory, workspace
from crm.models import Contact, Event, Identifier, Product

FOUND_AT_MOST: Final = 8
_EVERYTHING: Final = frozenset(base.NAMES)
# What the made-up person has in the cart where the catalogue is empty.
_INVENTED: Final = (
    {"sku": "A-1", "name": "Trail shoes Sierra", "price": "89.90", "quantity": 1},
    {"sku": "B-2", "name": "Running socks", "price": "12.50", "quantity": 2},
)
# Names are as long as they get among this many of the newest contacts and products.
_NEWEST: Final = 1_000
LONGEST: Final = """
WITH people AS MATERIALIZED (SELECT given_name, family_name, city, region FROM crm_contact
  WHERE NOT restricted ORDER BY id DESC LIMIT %s),
things AS MATERIALIZED (SELECT name, brand FROM crm_product WHERE active ORDER BY id DESC LIMIT %s)
SELECT (SELECT given_name FROM people ORDER BY length(given_name) DESC, given_name LIMIT 1),
       (SELECT family_name FROM people ORDER BY length(family_name) DESC, family_name LIMIT 1),
       (SELECT city FROM people ORDER BY length(city) DESC, city LIMIT 1),
       (SELECT region FROM people ORDER BY length(region) DESC, region LIMIT 1),
       (SELECT name FROM things ORDER BY length(name) DESC, name LIMIT 1),
       (SELECT brand FROM things ORDER BY length(brand) DESC, brand LIMIT 1)"""


@dataclass(frozen=True)
class Person:
    """`contact_id` 0 is the made-up one. `recipient` is only shown."""

    contact_id: int
    name: str
    recipient: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asking:
    """The person as `channels.facts` asks for it: a message that is none."""

    contact_id: int
    context: Mapping[str, Any]
    campaign_id: int | None
    channel: str = "email"
    id: int = 0
    content_id: int | None = None
    address_id: int | None = None
    entry: str = ""


def choose(contact_id: int, events: Sequence[str], now: datetime) -> Person:
    """This contact with their last event of these names; the made-up person where there is none."""
    living = Contact.objects.filter(merged_into=None, archived_at=None, restricted=False)
    contact = living.filter(pk=contact_id).first() if contact_id else None
    if contact is None:
        return made_up(events[0] if events else "", now)
    address = Identifier.objects.filter(contact=contact, kind="email").order_by("pk").first()
    event = (
        Event.objects.filter(contact=contact, name__in=events).order_by("-occurred_at", "-id").first()
        if events
        else None
    )
    entry = (
        {"event": event.name, "occurred_at": event.occurred_at.isoformat(), "properties": event.properties}
        if event
        else {"event": "", "occurred_at": now.isoformat(), "properties": {}}
    )
    return Person(contact.pk, str(contact), address.value if address else "", {"entry": entry})


def made_up(event: str, now: datetime) -> Person:
    """Somebody who is not there, with a cart of real products."""
    lines = [
        {"sku": sku, "name": name, "price": str(price or ""), "quantity": 1}
        for sku, name, price in Product.objects.filter(active=True)
        .order_by("sku")
        .values_list("sku", "name", "price")[:2]
    ] or list(_INVENTED)
    shop = settings.BASE_URL
    lines = [{"url": f"{shop}/", **line} for line in lines]
    entry = {
        "event": event, "occurred_at": (now - timedelta(hours=1)).isoformat(),
        "properties": {
            "cart_id": "cart-1", "order_id": "order-1", "products": lines, "currency": workspace.current().currency,
        },
    }  # fmt: skip
    return Person(0, "Marta Gil", "marta@example.com", {"entry": entry})


def values(person: Person, campaign_id: int | None, campaign: str, now: datetime) -> dict[str, Any]:
    """All names with their values, as they would be at this moment; for the made-up person invented ones."""
    context = {**person.context, "campaign": {"name": campaign}}
    if person.contact_id:
        asking = _Asking(person.contact_id, context, campaign_id)
        return facts.gather([asking], {0: _EVERYTHING}, now)[0]
    asking = _Asking(0, context, campaign_id)
    skus = [line["sku"] for line in context["entry"]["properties"]["products"]]
    known = facts.Known(
        contacts={0: _invented_row()}, products=facts.catalogued(skus), viewed={0: skus},
    )  # fmt: skip
    return facts.values(asking, known, _EVERYTHING, workspace.current(), now)


def longest(known: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with the longest names there are: what the most expensive SMS is made of."""
    with connection.cursor() as cursor:
        cursor.execute(LONGEST, [_NEWEST, _NEWEST])
        given, family, city, region, product, brand = (text or "" for text in cursor.fetchone())
    contact = {**known["contact"], **{
        name: max(value, known["contact"].get(name) or "", key=len)
        for name, value in (("given_name", given), ("family_name", family), ("city", city), ("region", region))
    }}  # fmt: skip
    contact["name"] = f"{contact['given_name']} {contact['family_name']}".strip()
    made = {**known, "contact": contact}
    for root in ("products", "viewed"):
        made[root] = [
            {**each, "name": max(product, each["name"], key=len), "brand": max(brand, each["brand"] or "", key=len)}
            for each in known.get(root, ())
        ]
    return made


def search(text: str) -> list[Person]:
    """People by anything that names them, or by part of a name."""
    found = [each for each in directory.find(text[:200], FOUND_AT_MOST) if not each.restricted]
    mails = dict(
        Identifier.objects.filter(contact__in=found, kind="email").order_by("-pk").values_list("contact_id", "value")
    )
    return [Person(each.pk, str(each), mails.get(each.pk, "")) for each in found]


def _invented_row() -> tuple[Any, ...]:
    space = workspace.current()
    return (
        0, "Marta", "Gil", space.language, space.country, "", "Valencia", "46005", None, space.zone, {},
        "centro", "Centro", space.zone, space.country, {"city": "Valencia"}, {},
    )  # fmt: skip
