"""The demo: one shoe shop, its customers and their last year, told through the real doors.

Everything is deterministic in `seed`, and everything enters as it would from outside
(`capture.receive`, `catalogue`, `lifecycle.publish`), so that every promise holds of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from campaigns import lifecycle
from campaigns.models import Campaign
from config.demo_habits import NAMES, PRODUCTS
from crm import capture, catalogue, publicids
from crm import demo as marks
from crm.models import Device, Membership, Product, Segment, Store, User, Workspace
from crm.segments import edit
from crm.till import desk, pins

EXAMPLES = Path(settings.BASE_DIR) / "campaigns" / "examples"

USERS = (
    ("ada@example.com", "Ada", "admin", None), ("bruno@example.com", "Bruno", "store_staff", "centro"),
    ("marta@example.com", "Marta", "store_manager", "centro"),
)  # fmt: skip
# By what they unlock the till.
PINS = {"bruno@example.com": "2580", "marta@example.com": "7391"}
TILL_STORE, TILL = "centro", "Demo till"
SEGMENTS = {
    "Bought at least twice, nothing for 120 days": {"all": [
        {"event": "Order Completed", "did": True, "count": {"op": ">=", "v": 2}},
        {"event": "Order Completed", "did": False, "in_last": {"value": 120, "unit": "days"}},
    ]},
    "Reachable by text message": {"all": [{"f": "reachable.sms", "op": "is", "v": True}]},
    "Runners in Spain": {"all": [
        {"f": "contact.country", "op": "is", "v": "ES"},
        {"event": "Order Completed", "did": True, "in_last": {"value": 365, "unit": "days"},
         "where": [{"f": "properties.products[].category", "op": "is", "v": "running"}]},
    ]},
}  # fmt: skip


def seed(contacts: int, number: int, now: datetime, *, people: bool = True) -> dict[str, int]:
    """Tell the story with `contacts` customers; answers what was made.

    `people`: with Ada and Bruno, whose password everybody knows. Never where real people work.
    """
    chance = random.Random(number)  # noqa: S311 - a story, not a secret
    open_shop(now, people=people)
    arrivals = _customers(contacts, chance, now)
    came = 0
    while batch := list(islice(arrivals, capture.MOST)):
        came += _come(batch, now)
    found = segments(now)
    made = {"contacts": came, "segments": len(found), "campaigns": _campaigns(found, now)}
    _come([_today(now)], now)
    return made


def open_shop(now: datetime, *, people: bool) -> None:
    """The company, its stores and shelves; with Ada and Bruno where nobody works yet."""
    _workspace()
    if people:
        _people()
    _catalogue(now)


def _come(batch: list[capture.Arrival], now: datetime) -> int:
    """How many came; those who are new are remembered as made up."""
    with transaction.atomic():
        received = capture.receive(batch, now=now)
        marks.remember("contact", [each.contact_id for each in received if each.created and each.contact_id])
    return sum(each.contact_id is not None for each in received)


def _workspace() -> None:
    Workspace.objects.get_or_create(
        only=True,
        defaults={
            "name": "Zapatería del Río",
            "sender_name": "Zapatería del Río",
            "postal_address": "Calle del Río 1, 28005 Madrid",
        },
    )
    for code, name in (("centro", "Tienda Centro"), ("puerto", "Tienda Puerto")):
        store, created = Store.objects.get_or_create(
            code=code, defaults={"name": name, "zone": "Europe/Madrid", "country": "ES"}
        )
        if created:
            marks.remember("store", [store.pk])


def _people() -> None:
    for email, name, role, store in USERS:
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(
                email, settings.DEMO_PASSWORD, name=name, is_staff=role == "admin", is_superuser=role == "admin"
            )
            marks.remember("user", [user.pk])
        where = Store.objects.get(code=store) if store else None
        held, created = Membership.objects.get_or_create(user=user, role=role, store=where)
        if created and email in PINS:
            pins.put(held, PINS[email], set_by=None, actor="demo")


def _catalogue(now: datetime) -> None:
    skus = [sku for sku, *_ in PRODUCTS]
    there = list(Product.objects.filter(sku__in=skus).values_list("pk", flat=True))
    catalogue.put_products([
        {"sku": sku, "name": name, "categories": [kind], "brand": "Río", "url": f"https://shop.example/{sku}",
         "price": {"amount": price, "currency": "EUR"}}
        for sku, name, kind, price in PRODUCTS
    ], currency="EUR", now=now)  # fmt: skip
    catalogue.put_stock([
        {"sku": sku, "store": place, "available": 3 + index * 4, "at": now}
        for index, (sku, *_) in enumerate(PRODUCTS) for place in ("online", "centro", "puerto")
    ], now=now)  # fmt: skip
    marks.remember("product", Product.objects.filter(sku__in=skus).exclude(pk__in=there).values_list("pk", flat=True))


def _customers(count: int, chance: random.Random, now: datetime) -> Iterator[capture.Arrival]:
    for n in range(count):
        country = chance.choice(list(NAMES))
        language, given, family = NAMES[country]
        name = chance.choice(given)
        fields: dict[str, Any] = {
            "given_name": name, "family_name": chance.choice(family), "country": country, "language": language,
            "fields": {"shoe_size": chance.randint(35, 46)},
        }  # fmt: skip
        if chance.random() < 0.4:
            fields["home_store"] = chance.choice(["centro", "puerto"])
        yield capture.Arrival(
            _traces(n, country, chance), fields, _consents(chance, now), _history(n, chance, now),
            source="demo", actor="seed_demo", quiet=True,
        )  # fmt: skip


def _traces(n: int, country: str, chance: random.Random) -> list[dict[str, str]]:
    traces = [{"kind": "email", "value": f"customer{n}@example.com"}]
    if country == "ES" and chance.random() < 0.7:
        traces.append({"kind": "phone", "value": f"+346{n + 10_000_000:08d}"})
    if chance.random() < 0.5:
        traces.append({"kind": "card", "value": f"C{n:07d}"})
    return traces


def _consents(chance: random.Random, now: datetime) -> list[dict[str, Any]]:
    said = []
    for purpose, channel, share in (
        ("offers", "email", 0.7),
        ("offers", "sms", 0.4),
        ("loyalty", "email", 0.5),
        ("tracking", "email", 0.5),
    ):
        draw = chance.random()
        if draw < share + 0.1:
            said.append({
                "purpose": purpose, "channel": channel, "action": "granted" if draw < share else "refused",
                "basis": "consent", "method": "paper_form", "source": "Card desk", "wording": "card-2025-01",
                "occurred_at": (now - timedelta(days=chance.randint(30, 500))).isoformat(),
            })  # fmt: skip
    return said


def _history(n: int, chance: random.Random, now: datetime) -> list[dict[str, Any]]:
    events = []
    for place in range(min(int(chance.expovariate(0.6)), 8)):
        moment = now - timedelta(days=chance.randint(1, 360), minutes=chance.randint(0, 600))
        sku, name, kind, price = chance.choice(PRODUCTS)
        shared = {"channel": chance.choice(["web", "web", "store"]), "historic": True}
        events.append({
            **shared, "name": "Product Viewed", "occurred_at": (moment - timedelta(minutes=30)).isoformat(),
            "properties": {"sku": sku, "name": name, "category": kind},
        })  # fmt: skip
        if chance.random() < 0.6:
            events.append({
                **shared, "name": "Order Completed", "occurred_at": moment.isoformat(),
                "properties": {
                    "order_id": f"demo-{n}-{place}", "total": price, "currency": "EUR",
                    "products": [{"sku": sku, "name": name, "category": kind, "quantity": 1, "price": price}],
                },
            })  # fmt: skip
    return events


def _today(now: datetime) -> capture.Arrival:
    """Somebody buys right now: the thank-you (a service message) can be read in the sandbox at once."""
    sku, name, kind, price = PRODUCTS[0]
    line = {"sku": sku, "name": name, "category": kind, "quantity": 1, "price": price}
    order = {"order_id": "demo-today", "total": price, "currency": "EUR", "products": [line]}
    bought = {"name": "Order Completed", "channel": "web", "occurred_at": now.isoformat(), "properties": order}
    return capture.Arrival({"email": "customer0@example.com"}, events=[bought], source="demo", actor="seed_demo")


def segments(now: datetime) -> list[Segment]:
    found = []
    for name, rule in SEGMENTS.items():
        segment = Segment.objects.filter(name=name).first()
        if segment is None:
            segment = edit.create(name, rule, actor="seed_demo", now=now)
            marks.remember("segment", [segment.pk])
        found.append(segment)
    return found


def example(name: str, segment: Segment) -> dict[str, Any]:
    """A campaign of the demo as a document, about the people of a segment where it is about one."""
    text = (EXAMPLES / f"{name}.json").read_text()
    found: dict[str, Any] = json.loads(text.replace('"SEGMENT"', f'"{publicids.encode("seg", segment.pk)}"'))
    return found


def _campaigns(found: list[Segment], now: datetime) -> int:
    for name in ("abandoned_cart", "welcome", "win_back", "thank_you"):
        document = example(name, found[0])
        if Campaign.objects.filter(name=document["name"]).exists():
            continue
        campaign = lifecycle.create(document, "seed_demo", now)
        marks.remember("campaign", [campaign.pk])
        if name != "win_back":  # a person publishes what writes to everybody at once
            lifecycle.publish(campaign, "seed_demo", now)
    return Campaign.objects.count()


def till_code() -> str:
    """A code that signs a till of the demo in, made anew at each start; "" where there is no demo shop."""
    store = Store.objects.filter(code=TILL_STORE, active=True).first()
    if store is None or not User.objects.filter(email__in=PINS, is_active=True).exists():
        return ""
    known = Device.objects.filter(store=store, name=TILL, revoked_at=None, signed_in_at=None).first()
    if known is not None:
        return desk.new_code(known, actor="demo")
    return desk.add(store, TILL, made_by=None, actor="demo")[1]
