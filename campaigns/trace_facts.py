"""What is known of one event, read in a fixed number of queries, for `campaigns.tracing` to decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from campaigns import plans, tracing
from campaigns.models import Conversion, Enrolment, PendingEntry, Refusal
from campaigns.models import Visit as VisitRow
from campaigns.plan import Plan
from campaigns.steps.wait_event import WaitEvent
from campaigns.terms import Entry
from campaigns.tracing import Entrance, Told
from channels.models import Message
from crm import carts, publicids
from crm.models import Cart, Contact, Event, EventKey, Identifier, Order, Reaction

# What is told in one breath with an event, or because of it.
TOGETHER: Final = ("Cart Updated", "Cart Emptied", "Stage Changed", "Contact Created", "Consent Changed",
                   "Consent Requested")  # fmt: skip
MOST: Final = 200
# What `crm.tracking` puts before the ids that pages give.
PAGE: Final = "page:"
MOST_MESSAGES: Final = 50
# The request that brought an event was answered about then.
BEFORE, AFTER = timedelta(seconds=5), timedelta(minutes=1)

CAMPAIGNS: Final = """
SELECT c.id, c.name, c.ended_at IS NOT NULL AND c.ended_at <= %(at)s, held.id, held.number,
       CASE WHEN held.id IS NULL THEN c.document->'entry' END
FROM campaigns_campaign c LEFT JOIN LATERAL (
  SELECT v.id, v.number FROM campaigns_version v
  WHERE v.campaign_id = c.id AND v.published_at <= %(at)s ORDER BY v.number DESC LIMIT 1) AS held ON true
WHERE c.archived_at IS NULL OR c.archived_at > %(at)s
ORDER BY c.id
"""
# A change is found by its segment and contact: every segment is asked, each by its index.
JOINED: Final = """
SELECT s.id, s.name, c.joined, c.at, c.why FROM crm_segment s CROSS JOIN LATERAL (
  SELECT joined, at, why FROM crm_segmentchange WHERE segment_id = s.id AND contact_id = %s AND at BETWEEN %s AND %s
  ORDER BY at LIMIT 20) AS c
ORDER BY c.at, s.id
"""
# The one that was answered with the event's id first, then those nearest in time: a batch answers without ids.
REQUESTS: Final = """
SELECT id, path, actor, body FROM crm_requestlog
WHERE at BETWEEN %(from)s AND %(until)s AND status < 300 AND method = 'POST'
  AND (position(%(name)s in body) > 0 OR position(%(order)s in body) > 0)
ORDER BY position(%(id)s in answer) > 0 DESC, abs(extract(epoch FROM at - %(received)s)), id LIMIT 40
"""


@dataclass(frozen=True)
class Asked:
    """A request that may have brought the event."""

    id: int
    path: str
    actor: str
    body: Any


@dataclass
class Known:
    """All of it: what is decided on, and what is shown beside."""

    event: Event
    contact: Contact | None
    facts: tracing.Facts
    error: str = ""
    identifiers: list[Identifier] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    cart: Cart | None = None
    order: Order | None = None
    campaigns: dict[int, str] = field(default_factory=dict)
    versions: dict[int, tuple[int, int]] = field(default_factory=dict)
    segments: dict[int, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


def find(text: str) -> int | None:
    """The event of the integrator's own `event_id`; what a page told is kept under a name of its own."""
    found = dict(EventKey.objects.filter(event_id__in=(text, f"{PAGE}{text}")).values_list("event_id", "event"))
    return found.get(text, found.get(f"{PAGE}{text}"))


def read(number: int) -> Known | None:
    """Everything about an event but the messages that followed (`messages`); None where there is none."""
    event = Event.objects.filter(pk=number).first()
    if event is None:
        return None
    contact = Contact.objects.select_related("home_store").filter(pk=event.contact_id).first()
    known = Known(event, contact, tracing.Facts([_told(event)]))
    known.identifiers = list(Identifier.objects.filter(contact=event.contact_id).order_by("id")[:MOST])
    versions = _campaigns(known)
    _around(known, versions)
    _folded(known)
    _standing(known)
    _joined(known)
    _runs(known, versions)
    known.requests = _requests(event)
    return known


def follow(known: Known, decided: Sequence[tracing.Verdict], moved: Sequence[tracing.Move]) -> None:
    """The messages of the runs that it began or moved, from then on."""
    runs = tracing.concerned(known.facts, decided, moved)
    rows = Message.objects.filter(
        contact=known.event.contact_id, run_id__in=runs, created_at__gte=known.event.recorded_at
    ).defer("slots", "context", "receipt")
    known.messages = list(rows.order_by("id")[:MOST_MESSAGES])


def _told(event: Event) -> Told:
    return Told(event.pk, event.name, event.properties, event.occurred_at, event.recorded_at, historic=event.historic)


# --- campaigns as they were then -------------------------------------------------------------------


def _campaigns(known: Known) -> dict[int, plans.Published]:
    """Ways in by what this person may have done; two queries (the second where a plan is new here)."""
    with connection.cursor() as cursor:
        cursor.execute(CAMPAIGNS, {"at": known.event.recorded_at})
        rows = cursor.fetchall()
    published = plans.load(row[3] for row in rows if row[3])
    for campaign, name, over, version, number, draft in rows:
        known.campaigns[campaign] = name
        if version:
            known.versions[campaign] = (version, number)
            known.facts.entrances += _entrances(campaign, published[version].plan, over=over)
        else:
            known.facts.entrances += _drafted(campaign, json.loads(draft) if draft else [])
    return published


def _entrances(campaign: int, plan: Plan, *, over: bool) -> list[Entrance]:
    exits = frozenset(plans.exit_events(plan))
    ways = [entry for entry in plan.entries if entry.type in ("event", "segment")]
    return [_entrance(campaign, entry, exits, over=over) for entry in ways]


def _entrance(campaign: int, entry: Entry, exits: frozenset[str], *, over: bool) -> Entrance:
    return Entrance(
        campaign,
        published=True,
        over=over,
        event=entry.event,
        where=entry.where,
        key_path=entry.key_path,
        debounced=entry.debounce is not None,
        segment=plans.segment_id(entry.segment) if entry.type == "segment" and entry.mode != "current" else 0,
        exits=exits,
    )


def _drafted(campaign: int, entries: Any) -> list[Entrance]:
    """What a draft would look out for; it may be unfinished."""
    found = entries if isinstance(entries, list) else []
    named = [each.get("event") for each in found if isinstance(each, Mapping)]
    return [Entrance(campaign, published=False, event=name) for name in named if isinstance(name, str) and name]


def _ears(published: Mapping[int, plans.Published]) -> dict[tuple[int, str, str], str]:
    """(version, step, port) → the event a waiting step leaves by it for."""
    return {
        (version.id, step, label): watch.event
        for version in published.values()
        for step, instruction in version.plan.instructions.items()
        if isinstance(instruction.step, WaitEvent)
        for label, watch in zip(instruction.step.labels, instruction.step.watches, strict=True)
    }


# --- what else happened ------------------------------------------------------------------------------


def _around(known: Known, published: Mapping[int, plans.Published]) -> None:
    """What was folded from it in the same breath, and what the person did later that matters here."""
    event = known.event
    exits = set().union(*(entrance.exits for entrance in known.facts.entrances))
    rows = Event.objects.filter(
        contact=event.contact_id,
        name__in=sorted({event.name, *TOGETHER, *exits}),
        occurred_at__gte=event.occurred_at - timedelta(days=1),
    ).exclude(pk=event.pk)
    others = [_told(each) for each in rows.filter(pk__gt=event.pk).order_by("pk")[:MOST]]
    known.facts.group += _echo(known.facts.group[0], others)
    known.facts.later = others
    # A person is made in the transaction that tells the first of them, at the same business time.
    known.facts.created = known.contact is not None and known.contact.created_at == event.recorded_at


def _echo(told: Told, others: Sequence[Told]) -> list[Told]:
    """The cart's own fact, told beside the event that changed it."""
    key = carts.key_of(told.properties)
    if not key or told.name in carts.OWN:
        return []
    return [
        each for each in others
        if each.name in carts.OWN and each.recorded_at == told.recorded_at and each.occurred_at == told.occurred_at
        and carts.key_of(each.properties) == key
    ][:1]  # fmt: skip


def _folded(known: Known) -> None:
    told = known.event.properties
    key, order = carts.key_of(told), told.get("order_id")
    known.cart = Cart.objects.filter(contact=known.event.contact_id, key=key[: carts.LONGEST_KEY]).first()
    known.order = Order.objects.filter(order_id=str(order or "")).select_related("store").first()


def _standing(known: Known) -> None:
    """Is it answered? What was folded from it waits in the same queue."""
    rows = list(Reaction.objects.filter(event__in=known.facts.ids))
    failed = next((row for row in rows if row.parked), None)
    known.facts.standing = tracing.PARKED if failed else tracing.PENDING if rows else tracing.DONE
    known.error = failed.error if failed else ""


def _joined(known: Known) -> None:
    began = known.event.recorded_at
    with connection.cursor() as cursor:
        cursor.execute(JOINED, [known.event.contact_id, began, began + tracing.REACTION])
        for segment, name, joined, at, why in cursor.fetchall():
            known.segments[segment] = name
            known.facts.joined.append(tracing.Joined(segment, joined, at, why))


# --- runs --------------------------------------------------------------------------------------------


def _runs(known: Known, published: Mapping[int, plans.Published]) -> None:
    event, ids = known.event, sorted(known.facts.ids)
    here = list(known.campaigns)
    rows = Enrolment.objects.filter(campaign__in=here, contact=event.contact_id).exclude(ended_at__lt=event.recorded_at)
    runs = list(rows.order_by("-id")[:MOST])
    # A run may travel an older version than the one that let people in then.
    known.facts.ears = _ears({**published, **plans.load(run.version_id for run in runs)})
    known.facts.runs = [_run(row) for row in runs]
    _visits(known, [run.pk for run in runs])
    known.facts.goals = set(
        Conversion.objects.filter(run__in=[run.pk for run in runs], event__in=ids).values_list("run_id", flat=True)
    )
    known.facts.refusals = [
        tracing.Refused(row.campaign_id, row.event, row.reason, row.at, row.detail)
        for row in Refusal.objects.filter(campaign__in=here, contact=event.contact_id, at__gte=event.recorded_at)
        if row.event is None or row.event in ids
    ]
    known.facts.waiting = [
        tracing.Waiting(row.campaign_id, row.event, row.due_at)
        for row in PendingEntry.objects.filter(contact=event.contact_id, event__in=ids)
    ]


def _run(row: Enrolment) -> tracing.Run:
    known = row.entry.get("id") if isinstance(row.entry, Mapping) else None
    return tracing.Run(
        row.pk,
        row.campaign_id,
        row.version_id,
        known if isinstance(known, int) else None,
        row.state,
        row.outcome,
        row.step,
        row.port,
        row.held_out,
        row.entered_at,
    )


def _visits(known: Known, runs: Sequence[int]) -> None:
    rows = VisitRow.objects.filter(
        run__in=runs, at__gte=known.event.recorded_at, reason__in=("exit_rule", "branch")
    ).order_by("at", "id")
    for row in rows[:MOST]:
        about = row.detail.get("event") if isinstance(row.detail, Mapping) else None
        known.facts.visits.append(
            tracing.Visit(row.run_id, row.step, row.port, row.reason, row.at, about if isinstance(about, int) else None)
        )


# --- the request that brought it ----------------------------------------------------------------------


def _requests(event: Event) -> list[Asked]:
    """Of the log of requests, which is kept for some days."""
    told: dict[str, str | datetime] = {
        "from": event.received_at - BEFORE,
        "until": event.received_at + AFTER,
        "received": event.received_at,
        "name": event.name,
        "order": str(event.properties.get("order_id") or event.name),
        "id": f'"{publicids.encode("evt", event.pk)}"',
    }
    with connection.cursor() as cursor:
        cursor.execute(REQUESTS, told)
        return [Asked(row[0], row[1], row[2], _json(row[3])) for row in cursor.fetchall()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def newest(most: int, now: datetime) -> list[Event]:
    """What was told last, without what we tell ourselves."""
    rows = Event.objects.exclude(name__in=TOGETHER).exclude(name__startswith="Message ")
    return list(rows.filter(occurred_at__gte=now - timedelta(days=31)).select_related("contact").order_by("-pk")[:most])
