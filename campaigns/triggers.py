"""How people come in by something that happened, by a segment, or by hand.

The one writer of PendingEntry (with `entries`, which fires them).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db import transaction

from campaigns import audience, matching, plans
from campaigns.audience import Candidate
from campaigns.models import Campaign
from campaigns.plans import Door, Watching
from campaigns.terms import Entry
from crm import arrays, identity
from crm.errors import Problem, Problems
from crm.segments import where
from crm.timeline import Fact

ENTRY_BYTES = 64 * 1024
LONGEST_KEY = 120


def answer(events: Sequence[Fact], watching: Watching, now: datetime) -> None:
    """Let in, or make wait, those for whom these events are an entry. Historic facts start nothing."""
    coming: dict[int, tuple[Door, list[Candidate]]] = {}
    waiting: dict[tuple[int, int, int, str], tuple[Any, ...]] = {}
    for event in events:
        if event.historic:
            continue
        for door, entry in watching.entries.get(event.name, ()):
            if not where.matches(entry.where, event.properties):
                continue
            candidate = candidate_of(door, entry, event, now)
            if entry.debounce and not candidate.refusal:
                row = _pending_row(door, candidate, timedelta(seconds=entry.debounce.seconds))
                place = row[:4]
                if place not in waiting or waiting[place][6] <= row[6]:
                    waiting[place] = row
            else:
                coming.setdefault(door.campaign_id, (door, []))[1].append(candidate)
    _wait(list(waiting.values()))
    for door, candidates in coming.values():
        audience.enter(door, candidates, now)


def candidate_of(door: Door, entry: Entry, event: Fact, now: datetime) -> Candidate:
    """The contact of an event as somebody who may enter by it."""
    key, refusal, detail = "", "", None
    if entry.key_path:
        value = matching.value_at(event.properties, entry.key_path)
        key = value[:LONGEST_KEY] if value else ""
        if not key:
            refusal, detail = "no_trigger", {"missing": f"properties.{entry.key_path}"}
    oldest = max(door.published_at, now - timedelta(seconds=entry.max_age.seconds))
    if event.occurred_at < oldest:
        refusal, detail = "too_old", {"occurred_at": event.occurred_at.isoformat()}
    return Candidate(event.contact_id, entry, event.occurred_at, key, event.id, _known(event), refusal, detail)


def _known(event: Fact) -> dict[str, Any]:
    """What a run keeps of the event that started it, at most 64 KB."""
    facts: dict[str, Any] = {
        "event": event.name,
        "id": event.id,
        "occurred_at": event.occurred_at.isoformat(),
        "properties": dict(event.properties),
    }
    if len(json.dumps(facts["properties"], default=str)) > ENTRY_BYTES:
        facts["properties"] = _lean(event.properties)
        facts["cut"] = True
    return facts


def _lean(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a fact that is too large to keep, and which products it is about."""
    plain = {
        name: value for name, value in list(properties.items())[:200]
        if isinstance(value, str | int | float | bool) and len(str(value)) <= 200
    }  # fmt: skip
    skus = sorted(matching.skus(properties))[:200]
    return {**plain, "products": [{"sku": sku[:80]} for sku in skus]}


# --- entries that wait until it has been quiet ---------------------------------------------------

PENDING = {
    "campaign_id": "bigint",
    "entry_index": "smallint",
    "contact_id": "bigint",
    "key": "text",
    "event": "bigint",
    "entry": "jsonb",
    "occurred_at": "timestamptz",
    "due_at": "timestamptz",
}


def _pending_row(door: Door, candidate: Candidate, quiet: timedelta) -> tuple[Any, ...]:
    return (
        door.campaign_id,
        candidate.entry.index,
        candidate.contact_id,
        candidate.key,
        candidate.event,
        dict(candidate.facts or {}),
        candidate.occurred_at,
        candidate.occurred_at + quiet,
    )


def _wait(rows: Sequence[tuple[Any, ...]]) -> None:
    """Each event of the same key restarts the timer; one that comes late does not turn it back."""
    arrays.insert(
        "campaigns_pendingentry AS p",
        PENDING,
        sorted(rows, key=itemgetter(0, 1, 2, 3)),
        conflict="""(campaign_id, entry_index, contact_id, key) DO UPDATE
                    SET event = excluded.event, entry = excluded.entry, occurred_at = excluded.occurred_at,
                        due_at = excluded.due_at WHERE p.occurred_at <= excluded.occurred_at""",
    )


# --- segments --------------------------------------------------------------------------------


def answer_membership(changes: Iterable[tuple[int, int, bool]], watching: Watching, now: datetime) -> None:
    """(segment, contact, joined): let in those who joined a segment that is an entry."""
    coming: dict[int, tuple[Door, list[Candidate]]] = {}
    for segment, contact, joined in changes:
        for door, entry in watching.segments.get(segment, ()) if joined else ():
            if entry.mode != "current":
                candidate = Candidate(contact, entry, now)
                coming.setdefault(door.campaign_id, (door, []))[1].append(candidate)
    for door, candidates in coming.values():
        audience.enter(door, candidates, now)


# --- by hand, and by API -----------------------------------------------------------------------


def trigger(
    campaign: Campaign,
    reference: Mapping[str, Any],
    key: str,
    properties: Mapping[str, Any] | None,
    now: datetime,
) -> tuple[int | None, str]:
    """Start a run for one contact: (run id, "") or (None, the reason why not).

    Raises `errors.Problem` when the reference names nobody.
    """
    contact = identity.find(reference)
    if contact is None:
        raise Problem("/contact", "not_found", "No contact is known by this; create them first.")
    _check(key, properties)
    door = plans.door(campaign.pk, now)
    if door is None:
        return None, "not_started"
    entry = next((each for each in door.version.plan.entries if each.type == "manual"), None)
    refusal = ""
    if entry is None:
        entry, refusal = door.version.plan.entries[0], "no_trigger"
    facts = {"event": "", "id": None, "occurred_at": now.isoformat(), "properties": dict(properties or {})}
    with transaction.atomic():
        candidate = Candidate(contact, entry, now, key, None, facts, refusal)
        verdict = audience.enter(door, [candidate], now)[0]
    return verdict.run_id, verdict.reason


def _check(key: str, properties: Mapping[str, Any] | None) -> None:
    problems = []
    if len(key) > LONGEST_KEY or "\0" in key:
        problems.append(Problem("/key", "too_long", f"A key has at most {LONGEST_KEY} characters."))
    if len(json.dumps(properties or {}, default=str)) > ENTRY_BYTES:
        problems.append(Problem("/properties", "too_large", "The properties of a trigger have at most 64 KB."))
    if problems:
        raise Problems(problems)
