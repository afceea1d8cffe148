"""What the demo made up. The one writer of DemoItem.

A mark says: nobody is behind this. It lets proofs of permission be deleted (a trigger asks), so a mark goes
as soon as a made-up contact and a real one turn out to be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from crm import arrays
from crm.models import DemoItem

KINDS: Final = ("contact", "segment", "campaign", "product", "store", "user", "price")
# Not things: that somebody wants it gone, and how far its loading is.
REMOVAL: Final = "removal"
LOADING: Final = "loading"


def remember(kind: str, numbers: Iterable[int]) -> None:
    """These were made up a moment ago, by us."""
    rows = sorted({(kind, number) for number in numbers})
    arrays.insert("crm_demoitem", {"kind": "text", "number": "bigint"}, rows, conflict="DO NOTHING")


def forget(kind: str, numbers: Sequence[int]) -> None:
    """They are gone, or are nobody's invention any more."""
    DemoItem.objects.filter(kind=kind, number__in=list(numbers)).delete()


def of(kind: str, limit: int | None = None) -> list[int]:
    return list(DemoItem.objects.filter(kind=kind).order_by("number").values_list("number", flat=True)[:limit])


def counts() -> dict[str, int]:
    """How many there are of each kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(*) FROM crm_demoitem WHERE kind <> ALL(%s) GROUP BY kind", [[REMOVAL, LOADING]]
        )
        return dict(cursor.fetchall())


def note_progress(other: BaseDatabaseWrapper, place: int) -> None:
    """How far the loading is, written by a connection that is not in its transaction."""
    with other.cursor() as cursor:
        cursor.execute("UPDATE crm_demoitem SET number = %s WHERE kind = %s", [place, LOADING])


def join(pairs: Sequence[tuple[int, int]]) -> None:
    """A made-up contact and a real one are the same person: a real one."""
    marked = set(
        DemoItem.objects.filter(kind="contact", number__in={each for pair in pairs for each in pair}).values_list(
            "number", flat=True
        )
    )
    mixed = {each for pair in pairs for each in pair if (pair[0] in marked) != (pair[1] in marked)}
    if marked & mixed:
        forget("contact", sorted(marked & mixed))
