"""Finding people: by anything that names them, by part of a name, by what a list is filtered by.

Every question is answered from an index: identifiers by their unique key, names by trigrams
(`crm.folding`), filters by the leaves of the rules. Newest first, a keyset page at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from crm import folding, moments, normalise, publicids, registry, tags, workspace
from crm.errors import Problem, Problems
from crm.models import Contact, ContactTag, Identifier, Store, Tag
from crm.rest import masks
from crm.segments import parse

NAMED: Final = ("email", "phone", "card", "external_id")
# How many people are counted one by one; above it the number is "more than".
COUNTED: Final = 1_000
# Below this many rows in the whole table a plain count is quick.
SMALL: Final = 10_000
BATCH: Final = 1_000
WHO: Final = ("people", "everybody", "archived", "restricted")

# Both kinds of identifier have an index each, of which a plain question would use none.
BY_IDENTIFIER: Final = """
SELECT i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
UNION SELECT i.contact_id FROM unnest(%s::text[], %s::text[]) AS t(kind, value)
JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND NOT i.identifying
ORDER BY contact_id DESC LIMIT 200"""
# Asked of a person at a time: merged with all identifiers, a late page would cost all people before it.
KNOWN: Final = (
    """EXISTS (SELECT FROM crm_identifier i WHERE i.contact_id = crm_contact.id AND i.kind = ANY(%s) OFFSET 0)"""
)
LAST_ORDERS: Final = """
SELECT c.id, o.occurred_at FROM unnest(%s::bigint[]) AS c(id)
CROSS JOIN LATERAL (SELECT occurred_at FROM crm_order WHERE contact_id = c.id ORDER BY occurred_at DESC LIMIT 1) o"""


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed down by; empty ones narrow nothing."""

    text: str = ""
    tag: str = ""
    list: str = ""
    store: str = ""
    stage: str = ""
    since: date | None = None
    who: str = "people"

    @property
    def any(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class Count:
    """`about`: from the statistics of the table; `more`: at least this many."""

    number: int
    about: bool = False
    more: bool = False


@dataclass
class Person:
    """A row of the list. Addresses are masked for those who may not change people."""

    contact: Contact
    name: str
    email: str = ""
    phone: str = ""
    card: str = ""
    stage: str = ""
    store: str = ""
    tags: list[Tag] = field(default_factory=list)
    last_order: datetime | None = None


def found(filters: Filters, now: datetime) -> QuerySet[Contact]:
    """The people these filters leave, without an order."""
    people = Contact.objects.filter(_who(filters.who), merged_into=None)
    if filters.who == "people":
        people = people.filter(RawSQL(KNOWN, (list(NAMED),), BooleanField()))  # noqa: S611 - our own text
    if filters.text:
        people = people.filter(matching(filters.text))
    if filters.tag:
        # By its number, of which the planner knows how many have it.
        tag = Tag.objects.filter(key=tags.key(filters.tag)).values_list("pk", flat=True).first()
        people = people.filter(Exists(ContactTag.objects.filter(contact=OuterRef("pk"), tag=tag or 0)))
    if filters.list:
        people = people.filter(_rule({"segment": filters.list}, now))
    if filters.stage:
        people = people.filter(_rule({"stage": filters.stage}, now))
    if filters.store:
        people = people.filter(
            home_store__in=list(Store.objects.filter(code=filters.store).values_list("pk", flat=True))
        )
    if filters.since:
        people = people.filter(created_at__gte=_begin(filters.since))
    return people


def _who(who: str) -> Q:
    return Q(restricted=True) if who == "restricted" else Q(archived_at__isnull=who != "archived")


def listed(filters: Filters, now: datetime) -> tuple[QuerySet[Contact], Count]:
    """The people these filters leave, and how many. The few that a text finds are looked for once, not twice:
    that is what costs."""
    people = found(filters, now)
    if not filters.text:
        return people, count(filters, now)
    ids = list(people.values_list("pk", flat=True)[: COUNTED + 1])
    if len(ids) > COUNTED:
        return people, Count(COUNTED, more=True)
    return Contact.objects.filter(pk__in=ids), Count(len(ids))


def count(filters: Filters, now: datetime) -> Count:
    """How many there are, as exactly as is quick."""
    if filters == Filters():
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'crm_contact'::regclass")
            about = int(cursor.fetchone()[0])
        if about > SMALL:
            return Count(about, about=True)
    limit = SMALL * 2 if filters == Filters() else COUNTED
    number = found(filters, now)[: limit + 1].count()
    return Count(min(number, limit), more=number > limit)


def by_identifier(text: str) -> list[int]:
    """Whom a whole identifier names: an address, a phone in any spelling, a card, an id. Newest first."""
    traces = _guesses(text)
    with connection.cursor() as cursor:
        named = [[trace.kind for trace in traces], [trace.value for trace in traces]]
        cursor.execute(BY_IDENTIFIER, [*named, *named])
        ids = [number for (number,) in cursor.fetchall()]
    try:
        return [publicids.decode("ctc", text.strip()), *ids]
    except Problem:
        return ids


def find(text: str, limit: int) -> list[Contact]:
    """The newest people an identifier or part of a name names."""
    people = Contact.objects.filter(matching(text), merged_into=None, archived_at=None)
    return list(people.order_by("-pk")[:limit])


def people(contacts: Sequence[Contact], *, full: bool) -> list[Person]:
    """The rows of these contacts: a fixed number of queries, however many they are."""
    ids = [contact.pk for contact in contacts]
    stores = dict(
        Store.objects.filter(pk__in={c.home_store_id for c in contacts if c.home_store_id}).values_list("pk", "name")
    )
    stage_of = registry.contact_fields.get("stage")
    stages = stage_of(ids) if stage_of else {}
    hung, orders, known = tags.of(ids), _last_orders(ids), identifiers(ids, full=full)
    return [
        Person(
            contact,
            name_of(contact, known.get(contact.pk, {})),
            **{kind: known.get(contact.pk, {}).get(kind, "") for kind in ("email", "phone", "card")},
            stage=str(stages.get(contact.pk) or ""),
            store=stores.get(contact.home_store_id or 0, ""),
            tags=hung.get(contact.pk, []),
            last_order=orders.get(contact.pk),
        )
        for contact in contacts
    ]


def taken_along(filters: Filters, now: datetime) -> QuerySet[Contact]:
    """The same without those who are restricted: they are in no file."""
    return found(filters, now).filter(restricted=False)


def left_out(filters: Filters, now: datetime) -> int:
    """How many of these people are in no file because they are restricted."""
    return found(filters, now).filter(restricted=True).count()


def everyone(filters: Filters, now: datetime, *, full: bool) -> Iterator[Person]:
    """All rows, a batch at a time, newest first; without those who are restricted."""
    rows, last = taken_along(filters, now).order_by("-pk"), None
    while True:
        batch = list((rows if last is None else rows.filter(pk__lt=last))[:BATCH])
        yield from people(batch, full=full)
        if len(batch) < BATCH:
            return
        last = batch[-1].pk


def identifiers(contact_ids: Sequence[int], *, full: bool) -> dict[int, dict[str, str]]:
    """The main identifier of each kind: a confirmed one, else the oldest; what a page claims comes last."""
    known: dict[int, dict[str, str]] = {}
    rows = Identifier.objects.filter(contact__in=contact_ids, kind__in=NAMED).values_list(
        "contact_id", "kind", "value", "verified_at", "pk", "identifying"
    )
    for contact, kind, value, _, _, _ in sorted(rows, key=lambda row: (row[3] is None, not row[5], row[4])):
        known.setdefault(contact, {}).setdefault(kind, value if full else masked(kind, value))
    return known


def masked(kind: str, value: str) -> str:
    return masks.address(normalise.MEDIUM.get(kind, ""), value)


def name_of(contact: Contact, known: dict[str, str]) -> str:
    """What to call somebody: their name, else what they are known by; "" for a visitor without either."""
    name = f"{contact.given_name} {contact.family_name}".strip()
    return name or next((known[kind] for kind in NAMED if known.get(kind)), "")


def matching(text: str) -> Q:
    """Named by this identifier, or with all these parts in the name."""
    named = Q(pk__in=by_identifier(text))
    parts = folding.parts(text)
    if not parts:
        return named
    names = Q()
    for part in parts:
        names &= Q(sort_name__fold__contains=part)
    return named | names


def _guesses(text: str) -> list[normalise.Trace]:
    country, found = workspace.current().country, []
    for kind in NAMED:
        try:
            found.append(normalise.trace(kind, text, country))
        except Problem:
            continue
    return found


def _rule(rule: dict[str, Any], now: datetime) -> RawSQL:
    """A condition of the rules on contacts; one that cannot be read finds nobody."""
    try:
        asked = parse.parse(rule).q(now)
    except Problems:
        return RawSQL("false", (), BooleanField())
    return RawSQL(asked.text, asked.params, BooleanField())  # noqa: S611 - the text is the rules' own


def _begin(day: date) -> datetime:
    return moments.at_local(day, time(0), workspace.current().zone).astimezone(UTC)


def _last_orders(ids: Sequence[int]) -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(LAST_ORDERS, [list(ids)])
        return dict(cursor.fetchall())
