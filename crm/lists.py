"""Fixed lists: people put together by hand. Each stands behind a segment, so that whatever can use a
segment (campaigns, rules, counts) can use a list, and its listeners hear who was put on it.

The one writer of FixedList and ListMember. A list is known by the id of its segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from crm import arrays, audit, publicids
from crm.errors import Problem
from crm.models import FixedList, ListMember, Segment
from crm.segments import fixed, upkeep

BATCH: Final = 2_000
WHY: Final = "by hand"


def create(name: str, contact_ids: Iterable[int] = (), *, actor: str, now: datetime) -> Segment:
    """A new list, with these people on it; raises `errors.Problems`."""
    with transaction.atomic():
        segment = fixed.fixed(name, (), actor=actor, now=now)
        add(segment.pk, list(contact_ids), actor=actor, now=now)
    segment.refresh_from_db()
    return segment


def add(segment_id: int, contact_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Put people on a list. Answers who was not on it before."""
    with transaction.atomic():
        number = _list(segment_id)
        new = arrays.insert(
            "crm_listmember",
            {"list_id": "bigint", "contact_id": "bigint", "since": "timestamptz"},
            [(number, contact, now) for contact in sorted(set(contact_ids))],
            conflict="(list_id, contact_id) DO NOTHING",
            returning="contact_id",
        )
        changed = sorted(contact for (contact,) in new)
        _follow(number, changed, now)
        _note(segment_id, changed, "list.add", actor)
    return changed


def remove(segment_id: int, contact_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Take people off a list. Answers who was on it."""
    with transaction.atomic(), connection.cursor() as cursor:
        number = _list(segment_id)
        cursor.execute(
            "DELETE FROM crm_listmember WHERE list_id = %s AND contact_id = ANY(%s) RETURNING contact_id",
            [number, list(contact_ids)],
        )
        changed = sorted(contact for (contact,) in cursor.fetchall())
        _follow(number, changed, now)
        _note(segment_id, changed, "list.remove", actor)
    return changed


def every() -> list[Segment]:
    """The lists there are, by name."""
    return list(Segment.objects.filter(fixed_list__isnull=False, archived_at=None).order_by("name", "pk"))


def of(contact_id: int) -> list[Segment]:
    """The lists a contact was put on."""
    mine = ListMember.objects.filter(contact=contact_id).values("list_id")
    return list(Segment.objects.filter(fixed_list__in=mine, archived_at=None).order_by("name", "pk"))


def _list(segment_id: int) -> int:
    found = FixedList.objects.filter(segment=segment_id, segment__archived_at=None).values_list("pk", flat=True).first()
    if found is None:
        raise Problem("", "not_a_list", "Its people come by a rule; put them on a fixed list instead.")
    return int(found)


def _follow(number: int, changed: Sequence[int], now: datetime) -> None:
    """Its members, and those of the segments that ask about it, in this transaction."""
    for start in range(0, len(changed), BATCH):
        upkeep.refresh(changed[start : start + BATCH], [f"list:{number}"], now, WHY)


def _note(segment_id: int, changed: Sequence[int], action: str, actor: str) -> None:
    if changed:
        told = {"count": len(changed), "contacts": [publicids.encode("ctc", contact) for contact in changed[:1000]]}
        audit.record(actor, action, publicids.encode("seg", segment_id), None, told)
