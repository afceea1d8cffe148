"""What people wish beside their yes and no: the one writer of Wish.

A wish is no consent: it narrows what a yes allows and never widens it. Each change is told to the timeline.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from crm import timeline, words
from crm.errors import Problem
from crm.models import Topic, Wish

# How often at most, as (messages, days): a wish of the person, beside the limits of the house.
OFTEN: Final = {"week": (1, 7), "month": (1, 30)}
CHANGED: Final = "Wishes Changed"


@dataclass(frozen=True)
class Wishes:
    """`often`, `favourite`: empty is no wish. `without`: topics that are not wanted."""

    often: str = ""
    favourite: str = ""
    without: frozenset[str] = frozenset()


NONE: Final = Wishes()


def of(contact_ids: Sequence[int]) -> dict[int, Wishes]:
    """What each of them wishes; who wished nothing is missing. One query."""
    rows = Wish.objects.filter(contact__in=list(contact_ids))
    return {row.contact_id: Wishes(row.often, row.favourite, frozenset(row.without)) for row in rows}


def keep(contact_id: int, wanted: Wishes, *, source: str, now: datetime) -> bool:
    """Record what they wish from now on. True if it is new. Raises Problem for a word nobody knows."""
    if wanted.often and wanted.often not in OFTEN:
        raise Problem("/often", "not_a_choice", f"often is one of {', '.join(OFTEN)}, or empty.")
    if wanted.favourite and wanted.favourite not in words.CHANNELS:
        raise Problem("/favourite", "not_a_choice", f"favourite is one of {', '.join(words.CHANNELS)}, or empty.")
    known = set(Topic.objects.filter(key__in=wanted.without).values_list("key", flat=True))
    with transaction.atomic():
        row, _new = Wish.objects.select_for_update().get_or_create(contact_id=contact_id)
        before = Wishes(row.often, row.favourite, frozenset(row.without))
        after = Wishes(wanted.often, wanted.favourite, wanted.without & known)
        if before == after:
            return False
        row.often, row.favourite, row.without = after.often, after.favourite, sorted(after.without)
        row.updated_at = now
        row.save()
        fact = timeline.NewFact(contact_id, CHANGED, _told(after), occurred_at=now, source=source[:120])
        timeline.record([fact], now=now)
    return True


def without(contact_ids: Collection[int], topic: str) -> set[int]:
    """Who of them does not want messages about a topic. One query."""
    rows = Wish.objects.filter(contact__in=list(contact_ids), without__contains=[topic])
    return set(rows.values_list("contact_id", flat=True))


def _told(wishes: Wishes) -> dict[str, Any]:
    return {"often": wishes.often, "favourite": wishes.favourite, "without": sorted(wishes.without)}
