"""Whom a till may see, and how they are found there.

A store sees its own people: whose home it is, who has bought there, and whom it has served. Of all others it learns
no more than that they are a customer of another store, and that only by something whole that they show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm import directory, normalise, publicids, workspace
from crm.errors import Problem, Problems
from crm.identity import claims
from crm.models import Contact, Identifier, Order, Store, TillEntry
from crm.normalise import Trace
from crm.till import masked

SHOWN: Final = 10
KINDS: Final = ("card", "phone", "email")
# By the end of a card or a phone; the index `identifier_end` has them reversed. Asked first and by itself: a planner
# that is left to choose reads all customers of the store instead.
ENDS: Final = """
SELECT contact_id FROM crm_identifier WHERE reverse(value) LIKE %s AND kind IN ('card', 'phone') LIMIT %s"""
# Of ten million cards a thousand end alike.
ALIKE: Final = 5_000
# Each kind of identifier has an index of its own, of which a plain question would use none. What a page claimed of
# its visitor (decision 0035) is nobody's.
HOLDERS: Final = f"""
SELECT i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
UNION SELECT i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND NOT i.identifying
WHERE NOT {claims.IS_ONE.format("i")} ORDER BY 1 LIMIT 20"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class Customer:
    """As staff see somebody."""

    id: int
    name: str
    known: dict[str, str]
    restricted: bool = False

    @property
    def public_id(self) -> str:
        return publicids.encode("ctc", self.id)

    @property
    def words(self) -> str:
        """`Carmen M. · card •••• 7730`"""
        kind = next((kind for kind in KINDS if kind in self.known), "")
        return " · ".join(part for part in (self.name, self.known.get(kind, "")) if part)


@dataclass(frozen=True)
class Found:
    """`elsewhere`: what was typed is whole and belongs to a customer of another store."""

    people: Sequence[Customer] = ()
    more: bool = False
    elsewhere: bool = False
    restricted: bool = False


def visible(rows: QuerySet[Contact], stores: Collection[int]) -> QuerySet[Contact]:
    """Those of `rows` whom these stores may see."""
    mine = list(stores)
    bought = Order.objects.filter(contact_id=OuterRef("pk"), store_id__in=mine)
    served = TillEntry.objects.filter(contact_id=OuterRef("pk"), store_id__in=mine)
    return rows.filter(Q(home_store_id__in=mine) | Exists(bought) | Exists(served))


def sees(store: Store, contact_id: int) -> bool:
    return visible(Contact.objects.filter(pk=contact_id), [store.pk]).exists()


def one(store: Store, contact_id: int) -> Contact | None:
    """Somebody this store may see, as they are now; None otherwise."""
    return visible(living().filter(pk=contact_id), [store.pk]).first()


def living() -> QuerySet[Contact]:
    return Contact.objects.filter(archived_at=None, merged_into=None, erased_at=None)


def find(store: Store, text: str) -> Found:
    """By card, phone, e-mail, the last four digits of either, or a name. A fixed number of queries."""
    text = normalise.clean(text)
    if len(text) < 3:
        return Found()
    whole = holders(traces(text, store))
    if whole:
        return _of_whole(store, whole)
    digits = "".join(text.split())
    if digits.isdigit() and 4 <= len(digits) < 8:
        rows = living().filter(pk__in=_ending(digits))
    elif digits.isdigit() or "@" in text:
        return Found()
    else:
        rows = living().filter(directory.matching(text))
    found = list(visible(rows, [store.pk]).order_by("-pk")[: SHOWN + 1])
    shown = [each for each in found if not each.restricted]
    return Found(customers(shown[:SHOWN]), len(found) > SHOWN, restricted=len(shown) < len(found))


def _ending(digits: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(ENDS, [digits[::-1] + "%", ALIKE])
        return [number for (number,) in cursor.fetchall()]


def holders(traces: Iterable[Trace]) -> list[int]:
    """Whose these are: the contacts they identify."""
    named = [(trace.kind, trace.value) for trace in traces]
    if not named:
        return []
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS, [[kind for kind, _ in named], [value for _, value in named]] * 2)
        return [number for (number,) in cursor.fetchall()]


def customers(contacts: Sequence[Contact]) -> list[Customer]:
    """As staff see them, by the newest of each kind. One query."""
    known: dict[int, dict[str, str]] = {}
    rows = Identifier.objects.filter(contact__in=[each.pk for each in contacts], kind__in=KINDS).order_by("pk")
    for row in rows:
        if not claims.is_one(row):
            known.setdefault(row.contact_id, {})[row.kind] = masked.value(row.kind, row.value)
    return [
        Customer(each.pk, masked.name(each.given_name, each.family_name), known.get(each.pk, {}), each.restricted)
        for each in contacts
    ]


def _of_whole(store: Store, whole: Sequence[int]) -> Found:
    rows = list(living().filter(pk__in=whole).order_by("-pk"))
    mine = set(visible(living().filter(pk__in=whole), [store.pk]).values_list("pk", flat=True))
    shown = [each for each in rows if each.pk in mine and not each.restricted]
    return Found(
        customers(shown),
        elsewhere=not mine and any(not each.restricted for each in rows),
        restricted=any(each.restricted and each.pk in mine for each in rows),
    )


def traces(text: str, store: Store) -> list[Trace]:
    """What a whole text may be: an e-mail, a phone of this country, a card."""
    country = store.country or workspace.current().country
    found = []
    for kind in KINDS:
        try:
            found.append(normalise.trace(kind, text, country))
        except (Problem, Problems, ValueError):
            continue
    return found
