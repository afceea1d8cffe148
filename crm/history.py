"""What somebody did and was told, newest first: the timeline of one contact, and their purchases.

Upper floors know what a message said and which campaign it was of: they add resolvers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from crm import tables
from crm.models import Event, Order
from crm.registry import Named
from crm.telling import Entry, tell

YEAR: Final = timedelta(days=365)
SKIPPED: Final = "Message Skipped"

# `(events) -> {event id: {"title", "campaign", "url", "step", "version", "detail"}}`, for a page at a time.
Resolver = Callable[[Sequence[Event]], dict[int, dict[str, Any]]]
resolvers: Named[Resolver] = Named("timeline resolvers")

# The chips above the timeline.
KINDS: Final[dict[str, Q]] = {
    "email": Q(channel="mail"),
    "sms": Q(channel="sms"),
    "whatsapp": Q(channel="whatsapp"),
    "web": Q(channel__in=("web", "app")),
    "store": Q(channel="store"),
    "orders": Q(name__in=("Order Completed", "Order Refunded", "Order Cancelled", "Order Updated")),
    "consent": Q(
        name__in=(
            "Consent Changed",
            "Consent Requested",
            "Objection Recorded",
            "Processing Restricted",
            "Processing Resumed",
            "Message Unsubscribed",
            "Message Complained",
        )
    ),
    "blocked": Q(name=SKIPPED),
}

PURCHASES: Final = """
WITH mine AS (SELECT occurred_at, total - refunded AS kept FROM crm_order
              WHERE contact_id = %s AND state <> 'cancelled' AND currency = %s)
SELECT count(*), coalesce(sum(kept) FILTER (WHERE occurred_at > %s), 0), min(occurred_at), max(occurred_at) FROM mine"""


@dataclass(frozen=True)
class Purchases:
    """In the currency of the workspace. `rhythm`: days between two orders, on average."""

    orders: int
    spent: Decimal
    first: datetime | None
    last: datetime | None

    @property
    def rhythm(self) -> int | None:
        if self.orders < 2 or self.first is None or self.last is None:
            return None
        return round((self.last - self.first).total_seconds() / 86_400 / (self.orders - 1))


@dataclass(frozen=True)
class Timeline:
    """A page of it: (day, entries) pairs, and the cursor of the next one."""

    days: list[tuple[date, list[Entry]]]
    next: str


def timeline(contact_id: int, kind: str = "", cursor: str = "") -> Timeline:
    """A page, newest first; `kind` one of KINDS, or "" for all. A fixed number of queries."""
    page = tables.page(_events(contact_id, kind), "-occurred_at", cursor)
    entries = _entries(page.rows)
    days = [(day, list(group)) for day, group in groupby(entries, key=lambda each: timezone.localtime(each.at).date())]
    return Timeline(days, page.next)


def purchases(contact_id: int, currency: str, now: datetime) -> Purchases:
    with connection.cursor() as cursor:
        cursor.execute(PURCHASES, [contact_id, currency, now - YEAR])
        return Purchases(*cursor.fetchone())


def orders(contact_id: int, cursor: str = "") -> tables.Page[Order]:
    """Their orders with their lines, newest first."""
    rows = Order.objects.filter(contact=contact_id).select_related("store").prefetch_related("lines")
    return tables.page(rows, "-occurred_at", cursor, 20)


def _events(contact_id: int, kind: str) -> QuerySet[Event]:
    events = Event.objects.filter(contact=contact_id)
    return events.filter(KINDS[kind]) if kind in KINDS else events


def _entries(events: Sequence[Event]) -> Iterable[Entry]:
    known: dict[int, dict[str, Any]] = {}
    if events:
        for resolve in resolvers:
            for number, told in resolve(events).items():
                known.setdefault(number, {}).update(told)
    return [tell(event, known.get(event.pk, {})) for event in events]
