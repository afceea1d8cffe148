"""What the customers of the demo shop are like: when they come, what they buy, what they do with a letter. Pure.

Everybody has dice of their own, so one more customer changes nothing about the others. How often people buy
is made up, and generous; what follows from it is counted, like everything here, from what happened.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

DAY: Final = timedelta(days=1)
YEAR_BEFORE: Final = timedelta(days=300)
# They like letters and said no to text messages. Their names come later: Marta is one who is not held out.
CALM: Final = (("Marta", "Vidal"), ("Elena", "Ruiz"), ("Nuria", "Moreno"), ("Irene", "García"))

NAMES: Final = {
    "ES": ("es", ["Lucía", "Mateo", "Elena", "Hugo", "Chiara", "Diego"], ["García", "Moreno", "Ruiz", "Vidal"]),
    "FR": ("fr", ["Camille", "Louis", "Zoé", "Hugo"], ["Martin", "Petit", "Durand"]),
    "DE": ("de", ["Mia", "Jonas", "Lena", "Felix"], ["Weber", "Koch", "Schäfer"]),
    "IT": ("it", ["Giulia", "Dario", "Bianca", "Marco"], ["Rossi", "Ferri", "Greco"]),
}  # fmt: skip
PRODUCTS: Final = [
    ("boot-01", "Mountain boot", "boots", "129.00"), ("boot-02", "City boot", "boots", "99.00"),
    ("run-01", "Trail runner", "running", "119.00"), ("run-02", "Road runner", "running", "109.00"),
    ("san-01", "Cork sandal", "sandals", "59.00"), ("soc-01", "Wool sock", "socks", "12.00"),
    ("kid-01", "First steps", "kids", "45.00"), ("car-01", "Care kit", "care", "15.00"),
]  # fmt: skip
Product = tuple[str, str, str, str]


@dataclass(frozen=True)
class Customer:
    """`since`: the instant they became known; `follows`: whether one may see what they do with a letter."""

    number: int
    since: datetime
    traces: tuple[Mapping[str, str], ...]
    fields: Mapping[str, Any]
    consents: tuple[Mapping[str, Any], ...]
    follows: bool

    @property
    def email(self) -> str:
        return f"customer{self.number}@example.com"


@dataclass(frozen=True)
class Deed:
    """Something a customer does at an instant. `cart`: what it leaves behind or buys."""

    at: datetime
    number: int
    event: Mapping[str, Any]
    cart: str = ""


@dataclass(frozen=True)
class Answer:
    """What becomes of one letter: words of the carrier, each `(kind, at)`, and when its reader buys."""

    words: tuple[tuple[str, datetime], ...]
    buys_at: datetime | None = None


@dataclass(frozen=True)
class Habit:
    """Of those who got a letter: how many look, follow its link, and then buy."""

    opens: float
    clicks: float
    buys: float


HABITS: Final = {
    ("Abandoned cart", "email"): Habit(0.72, 0.68, 0.80),
    ("Abandoned cart", "sms"): Habit(0.0, 0.30, 0.60),
    ("Welcome to the card", "email"): Habit(0.66, 0.45, 0.45),
    ("Win back", "email"): Habit(0.60, 0.50, 0.60),
}
QUIET: Final = Habit(0.50, 0.10, 0.0)
# How many bring their cart to an end by themselves.
RETURNS: Final = 0.12


def dice(*of: object) -> random.Random:
    return random.Random(":".join(map(str, of)))  # noqa: S311 - a story, not a secret


# --- people --------------------------------------------------------------------------------------


def people(count: int, seed: int, begin: datetime, now: datetime) -> list[Customer]:
    """Two thirds came in the year before `begin`, the others since, evenly; in the order in which they came."""
    found = [_customer(number, count, seed, begin, now) for number in range(count)]
    return sorted(found, key=lambda each: (each.since, each.number))


def _customer(number: int, count: int, seed: int, begin: datetime, now: datetime) -> Customer:
    chance = dice(seed, "who", number)
    if number < len(CALM):
        return _calm(number, begin)
    country = chance.choice(["ES", "ES", *NAMES])
    language, given, family = NAMES[country]
    fields: dict[str, Any] = {
        "given_name": chance.choice(given), "family_name": chance.choice(family), "country": country,
        "language": language, "fields": {"shoe_size": chance.randint(35, 46)},
    }  # fmt: skip
    if chance.random() < 0.4:
        fields["home_store"] = chance.choice(["centro", "puerto"])
    early = number < count * 0.66
    first, last = (begin - YEAR_BEFORE, begin) if early else (begin, now - DAY)
    since = first + (last - first) * chance.random()
    traces = [{"kind": "email", "value": f"customer{number}@example.com"}]
    if chance.random() < 0.6:
        traces.append({"kind": "phone", "value": f"+346{number + 10_000_000:08d}"})
    if chance.random() < 0.6:
        traces.append({"kind": "card", "value": f"C{number:07d}"})
    consents = tuple(_consents(chance, since))
    follows = any(said["purpose"] == "tracking" and said["action"] == "granted" for said in consents)
    return Customer(number, since, tuple(traces), fields, consents, follows)


def _calm(number: int, begin: datetime) -> Customer:
    traces = ({"kind": "email", "value": f"customer{number}@example.com"},
              {"kind": "phone", "value": f"+346{number + 10_000_000:08d}"},
              {"kind": "card", "value": f"C{number:07d}"})  # fmt: skip
    fields = {"country": "ES", "language": "es", "home_store": "centro"}
    since = (begin - timedelta(days=120 + 9 * number)).replace(hour=11, minute=20)
    said = (_said("offers", "email", "granted", since), _said("offers", "sms", "refused", since),
            _said("loyalty", "email", "granted", since), _said("tracking", "email", "granted", since))  # fmt: skip
    return Customer(number, since, traces, fields, said, follows=True)


def _consents(chance: random.Random, since: datetime) -> Iterator[Mapping[str, Any]]:
    for purpose, channel, share in (("offers", "email", 0.84), ("offers", "sms", 0.5), ("loyalty", "email", 0.7),
                                    ("tracking", "email", 0.75)):  # fmt: skip
        draw = chance.random()
        if draw < share + 0.1:
            yield _said(purpose, channel, "granted" if draw < share else "refused", since)


def _said(purpose: str, channel: str, action: str, at: datetime) -> dict[str, Any]:
    return {"purpose": purpose, "channel": channel, "action": action, "basis": "consent", "method": "paper_form",
            "source": "Card desk", "wording": "card-2025-01", "occurred_at": at.isoformat()}  # fmt: skip


# --- what they do --------------------------------------------------------------------------------


def deeds(customer: Customer, seed: int, begin: datetime, now: datetime) -> list[Deed]:
    """What a customer does of their own accord, until `now`."""
    chance = dice(seed, "does", customer.number)
    if customer.number < len(CALM):
        bought = [begin - timedelta(days=90), begin - timedelta(days=10)]
        left = (now - timedelta(days=4 + customer.number)).replace(hour=10, minute=12)
        return _bought(customer, chance, now, bought) + _left(customer, "m1", PRODUCTS[0], left)
    days = (now - customer.since) / DAY
    regular = customer.number % 4 == 1
    if regular and days > 170:  # two quick purchases, then silence: somebody to win back
        moments = [customer.since + DAY * (1 + 20 * chance.random() + 12 * place) for place in range(2)]
        return _bought(customer, chance, now, moments)
    moments = [customer.since + DAY * days * chance.random() for _ in range(int(chance.expovariate(1 / (days / 80))))]
    found = _bought(customer, chance, now, moments[:6])
    for place in range(chance.choice([0, 1, 1, 1, 2])):
        first = max(begin, customer.since)
        moment = daytime(first + (now - DAY - first) * chance.random(), chance)
        if first < moment < now - timedelta(hours=3):
            found += _cart(customer, place, moment, chance, now)
    return found


def _bought(customer: Customer, chance: random.Random, now: datetime, moments: Sequence[datetime]) -> list[Deed]:
    found = []
    for place, moment in enumerate(moments):
        product, at = chance.choice(PRODUCTS), daytime(moment, chance)
        if customer.since < at < now:
            store = customer.fields.get("home_store") if chance.random() < 0.5 else None
            found.append(_viewed(customer, product, at - timedelta(minutes=20)))
            found.append(order(customer, f"demo-{customer.number}-{place}", product, at, store=store))
    return [each for each in found if each.at > customer.since]


def _cart(customer: Customer, place: int, at: datetime, chance: random.Random, now: datetime) -> list[Deed]:
    product = chance.choice(PRODUCTS)
    key = f"c{place}"
    found = _left(customer, key, product, at)
    back = daytime(at + DAY * chance.uniform(0.3, 3), chance)
    if chance.random() < RETURNS and at + timedelta(hours=2) < back < now:
        found.append(order(customer, f"demo-{customer.number}-{key}", product, back, cart=found[-1].cart))
    return found


def _left(customer: Customer, key: str, product: Product, at: datetime) -> list[Deed]:
    cart = f"demo-{customer.number}-{key}"
    sku, name, _kind, price = product
    put = {"cart_id": cart, "sku": sku, "product_id": sku, "name": name, "price": price, "currency": "EUR",
           "quantity": 1}  # fmt: skip
    return [
        _viewed(customer, product, at - timedelta(minutes=9)),
        Deed(at, customer.number, _event("Product Added", at, put), cart),
    ]


def _viewed(customer: Customer, product: Product, at: datetime) -> Deed:
    sku, name, kind, _price = product
    return Deed(at, customer.number, _event("Product Viewed", at, {"sku": sku, "name": name, "category": kind}))


def order(
    customer: Customer, name: str, product: Product, at: datetime, *, cart: str = "", store: str | None = None
) -> Deed:
    sku, words, kind, price = product
    line = {"sku": sku, "name": words, "category": kind, "quantity": 1, "price": price}
    told: dict[str, Any] = {"order_id": name, "total": price, "currency": "EUR", "products": [line]}
    told |= {"cart_id": cart} if cart else {}
    told |= {"store": store} if store else {}
    return Deed(at, customer.number, _event("Order Completed", at, told, "store" if store else "web"), cart)


def _event(name: str, at: datetime, properties: Mapping[str, Any], channel: str = "web") -> dict[str, Any]:
    return {"name": name, "channel": channel, "occurred_at": at.isoformat(), "properties": properties}


def daytime(moment: datetime, chance: random.Random) -> datetime:
    """The same day, while shops are open."""
    return moment.replace(hour=chance.randint(8, 18), minute=chance.randint(0, 59), second=chance.randint(0, 59))


# --- what they do with letters -------------------------------------------------------------------


def answer(campaign: str, channel: str, sent: datetime, chance: random.Random, *, calm: bool) -> Answer:
    """`calm`: somebody who reads and does nothing."""
    fate = chance.random()
    if channel == "email" and fate < 0.015 and not calm:
        return Answer((("bounced", sent),))
    words = [("delivered", sent)]
    habit = HABITS.get((campaign, channel), QUIET)
    seen = sent + timedelta(minutes=chance.uniform(10, 900))
    if chance.random() < habit.opens or calm:
        words.append(("opened", seen))
    elif channel == "email":
        return Answer(tuple(words))
    if chance.random() >= habit.clicks or calm:
        if not calm and fate > 0.95:
            words.append(("unsubscribed", seen + timedelta(minutes=1)))
        return Answer(tuple(words))
    words.append(("clicked", seen + timedelta(minutes=1)))
    buys = seen + timedelta(minutes=chance.uniform(5, 400)) if chance.random() < habit.buys else None
    return Answer(tuple(words), buys)
