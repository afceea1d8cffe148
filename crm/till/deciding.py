"""Enrolments that need a person's eye: what was typed names two people, or was said to be somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from crm import audit, publicids
from crm.errors import Problem
from crm.models import Contact, Store, TillEntry
from crm.till import enrolling, people
from crm.till.desk import Desk
from crm.till.people import Customer


@dataclass(frozen=True)
class Waiting:
    """An entry, whom it may be (of this store), how many of another store it names, and how many in all."""

    entry: TillEntry
    name: str
    people: Sequence[Customer]
    elsewhere: int
    owners: int


def listed(store: Store, limit: int = 20) -> list[Waiting]:
    """The oldest first. A few queries for each: there are few."""
    rows = TillEntry.objects.filter(store=store, state=TillEntry.State.WAITING).order_by("taken_at")[:limit]
    return [_waiting(store, row) for row in rows]


def decide(desk: Desk, entry: TillEntry, how: str, to: str, *, now: datetime) -> None:
    """`link`: all of it belongs to customer `to`; without `to` to the one whom it names, of another store. `both`: they
    are somebody new, with what nobody else has. `drop`: nothing of it is kept. Raises Problem(s); then it waits on."""
    with transaction.atomic():
        row = TillEntry.objects.select_for_update().get(pk=entry.pk)
        if row.state != TillEntry.State.WAITING or row.payload is None:
            return
        contact, answer = None, {}
        if how != "drop":
            done = enrolling.put(desk, _form(desk, row.payload, how, to), row.happened_at, now)
            if done.state == TillEntry.State.WAITING:
                raise Problem("", "two", "This still belongs to two people. A manager joins them first.")
            contact, answer = done.contact_id, dict(done.answer)
        row.contact_id, row.answer, row.payload = contact, answer, None
        row.state = TillEntry.State.REFUSED if how == "drop" else TillEntry.State.DONE
        row.save(update_fields=["contact", "answer", "payload", "state"])
        subject = publicids.encode("ctc", contact) if contact else f"entry:{row.key}"
        audit.record(desk.actor, "till.decide", subject, None, {"how": how, "entry": row.key})


def _form(desk: Desk, payload: Mapping[str, Any], how: str, to: str) -> enrolling.Form:
    body = {name: value for name, value in payload.items() if name not in ("same_as", "different", "unasked")}
    if how == "link":
        return enrolling.read({**body, "same_as": to} if to else body, desk.store)
    if how != "both":
        raise Problem("/how", "not_a_choice", "Link them, keep both, or drop it.")
    taken = set()
    for kind in people.KINDS:
        one = {"phone_country": body.get("phone_country"), kind: body.get(kind)} if body.get(kind) else {}
        if one and people.holders(enrolling.read({**one}, desk.store).traces):
            taken.add(kind)
    left = {name: value for name, value in body.items() if name not in taken}
    media = {"email": ["email"], "phone": ["sms", "whatsapp", "call"]}
    gone = {channel for kind in taken for channel in media.get(kind, [])}
    left["yes"] = [channel for channel in body.get("yes") or [] if channel not in gone]
    return enrolling.read(left, desk.store)


def _waiting(store: Store, row: TillEntry) -> Waiting:
    payload = row.payload or {}
    name = " ".join(str(payload.get(part) or "") for part in ("given_name", "family_name")).strip()
    body = {key: value for key, value in payload.items() if key in ("card", "phone", "phone_country", "email")}
    try:
        owners = people.holders(enrolling.read(body, store).traces)
    except Problem:
        owners = []
    mine, _ = enrolling.alike(store, payload)
    seen = people.visible(Contact.objects.filter(pk__in=owners), [store.pk]).count()
    return Waiting(row, name, mine, len(owners) - seen, len(owners))
