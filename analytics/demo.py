"""The demo shop goes: its people with all they did, its campaigns, segments, products, stores and colleagues.

Exactly what was marked when it was made. People go a batch at a time, in transactions of their own, so a big
demo is a round's work and a small one is gone at once. What somebody real has come to depend on stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Q
from django.db.utils import IntegrityError

from analytics import rollup
from analytics.models import Standing
from campaigns import removal as campaign_removal
from channels import accounts
from channels.models import Account
from crm import audit, clock, demo, publicids
from crm.identity import removal
from crm.models import Contact, DemoItem, Device, Membership, OrderLine, Product, Stock, TillEntry, User
from crm.models.team import Role
from crm.segments import removal as segment_removal

BATCH: Final = 500
PATIENCE_SECONDS: Final = 4.0
ACTOR: Final = "demo"


@dataclass(frozen=True)
class State:
    """`counts`: what is marked; while it is going, `left` of `all` people are still here."""

    counts: dict[str, int]
    asked: bool
    all: int
    left: int


def state() -> State:
    counts = demo.counts()
    asked = DemoItem.objects.filter(kind=demo.REMOVAL).first()
    left = counts.get("contact", 0)
    return State(counts, asked is not None, asked.number if asked else left, left)


def is_asked() -> bool:
    return DemoItem.objects.filter(kind=demo.REMOVAL).exists()


def ask(actor: str) -> None:
    """Somebody wants it gone; from now on the rounds see to it. Asked twice, it is asked once."""
    with transaction.atomic():
        counts = demo.counts()
        if counts and not is_asked():
            demo.forget("user", [int(actor.partition(":")[2] or 0)])  # not whoever is at work here
            demo.remember(demo.REMOVAL, [counts.get("contact", 0)])
            audit.record(actor, "demo.remove", "demo", counts, None)


def work() -> int:
    """One batch of people, or, when they are all gone, the rest. Answers how many things went."""
    if not is_asked():
        return 0
    now = clock.now()
    campaign_removal.close(demo.of("campaign"), ACTOR, now)
    if people := demo.of("contact", BATCH):
        return _people(people)
    return _rest()


def pending() -> int:
    return int(is_asked())


def work_for(seconds: float, now: datetime) -> None:
    """Rounds on the spot, as far as the patience of somebody who waits for the page goes."""
    del now
    end = time.monotonic() + seconds
    while time.monotonic() < end and work():
        pass


def _people(people: list[int]) -> int:
    with transaction.atomic():
        # One who has swallowed somebody real has become real.
        real = set(
            Contact.objects.filter(merged_into_id__in=people).exclude(pk__in=DemoItem.objects.filter(kind="contact")
            .values("number")).values_list("merged_into_id", flat=True)
        )  # fmt: skip
        demo.forget("contact", sorted(number for number in real if number is not None))
        going = [number for number in people if number not in real]
        removal.remove(going)
        gone = sorted(set(going) - set(Contact.objects.filter(pk__in=going).values_list("pk", flat=True)))
        demo.forget("contact", gone)
    return len(gone) + len(real)


def _rest() -> int:
    """In an order in which nothing is asked about by what goes after it."""
    with transaction.atomic():
        campaigns = demo.of("campaign")
        Standing.objects.filter(campaign_id__in=campaigns).delete()
        campaign_removal.remove(campaigns)
        named = campaign_removal.segments_of([])
        segments = [
            number for number in demo.of("segment")
            if not any(publicids.encode("seg", number) in text for text in named)
        ]  # fmt: skip
        segment_removal.remove(segments)
        segment_removal.recount()
    for kind, drop in (("product", _product), ("user", _user), ("store", _store), ("price", _price)):
        for number in demo.of(kind):
            _try(drop, number)
    moved = sum(demo.counts().values())
    DemoItem.objects.all().delete()
    rollup.start_over()
    return moved + 1


def _try(drop: Callable[[int], None], number: int) -> None:
    """Something real hangs on it: it stays, and is nobody's demo any more."""
    try:
        with transaction.atomic():
            drop(number)
    except IntegrityError:
        if drop is _user:
            # Its password is known to everybody who has read how to begin.
            User.objects.filter(pk=number).update(is_active=False)


def _delete(table: str, number: int) -> None:
    """The row alone. The database itself says at once whether something needs it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [number])  # noqa: S608 - our own names


def _product(number: int) -> None:
    product = Product.objects.filter(pk=number).first()
    if product and not OrderLine.objects.filter(sku=product.sku).exists():
        Stock.objects.filter(sku=product.sku).delete()
        product.delete()


def _store(number: int) -> None:
    TillEntry.objects.filter(store=number).delete()
    Device.objects.filter(store=number).delete()
    _delete("crm_store", number)


def _price(number: int) -> None:
    """What a message cost was made up too."""
    account = Account.objects.filter(pk=number).first()
    if account:
        accounts.put(account, {"cost": 0}, None, ACTOR)


def _user(number: int) -> None:
    """Never the last one who administers this place."""
    admins = User.objects.filter(Q(memberships__role=Role.ADMIN) | Q(is_superuser=True), is_active=True)
    if admins.exclude(pk=number).exists():
        Membership.objects.filter(user_id=number).delete()
        _delete("crm_user", number)
