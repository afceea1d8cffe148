"""A phone or an e-mail that was wrong: the right one takes its place, with the reason.

A yes given for the old address is not one for the new one (decision B3): they are asked again. Whatever belongs to
somebody else stays theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm import audit, capture, identity, normalise, publicids, timeline, workspace
from crm.errors import Problem, Problems
from crm.models import Identifier
from crm.normalise import Trace
from crm.till import people
from crm.till.desk import Desk
from crm.till.entries import Done

KINDS: Final = ("phone", "email")
REASONS: Final = ("typo", "moved", "wrong_person", "other")
FIELDS: Final = {"contact", "kind", "value", "country", "reason"}
CORRECTED: Final = "Contact Corrected"


@dataclass(frozen=True)
class Asked:
    contact: int
    kind: str
    reason: str
    new: Trace


def correct(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{contact, kind, value, country?, reason}`."""
    del key
    asked = _read(desk, body)
    # The one that staff saw; another phone of theirs stays.
    shown = (
        Identifier.objects.filter(contact=asked.contact, kind=asked.kind, address__isnull=False).order_by("pk").last()
    )
    public = publicids.encode("ctc", asked.contact)
    arrival = capture.Arrival(
        [{"kind": "id", "value": public}, {"kind": asked.kind, "value": asked.new.value}], source=desk.source,
        actor=desk.actor, in_person=True,
    )  # fmt: skip
    received = capture.receive([arrival], now=now)[0]
    if received.problems:
        raise Problems([Problem("/value", each.code, each.detail) for each in received.problems])
    old = [shown.pk] if shown and shown.value != asked.new.value else []
    identity.remove_identifiers(asked.contact, old, actor=desk.actor, now=now)
    told = {"kind": asked.kind, "reason": asked.reason, "store": desk.store.code}
    audit.record(desk.actor, "contact.correct", public, None, {**told, "removed": len(old)})
    fact = timeline.NewFact(asked.contact, CORRECTED, {**told, "by": desk.actor}, happened, source=desk.source)
    timeline.record([fact], now=now)
    return Done(asked.contact, {"contact": public, "kind": asked.kind})


def _read(desk: Desk, body: Mapping[str, Any]) -> Asked:
    """What is to be put right. Raises Problem, at its field."""
    if set(body) - FIELDS:
        raise Problem(f"/{min(set(body) - FIELDS)}", "unknown", "There is no such field.")
    number = publicids.decode("ctc", str(body.get("contact", "")), "/contact")
    person = people.one(desk.store, number)
    if person is None:
        raise Problem("/contact", "not_found", "This customer is not one of this store.")
    if person.restricted:
        raise Problem("/contact", "restricted", "Ask your manager: this person's data is restricted.")
    kind, reason = str(body.get("kind", "")), str(body.get("reason", ""))
    if kind not in KINDS:
        raise Problem("/kind", "not_a_choice", "A phone or an e-mail is corrected here.")
    if reason not in REASONS:
        raise Problem("/reason", "required", "Say why it is corrected.")
    return Asked(number, kind, reason, _new(desk, number, kind, body))


def _new(desk: Desk, number: int, kind: str, body: Mapping[str, Any]) -> Trace:
    country = str(body.get("country") or desk.store.country or workspace.current().country)
    try:
        new = normalise.trace(kind, body.get("value"), country)
    except Problem as wrong:
        raise Problem("/value", wrong.code, wrong.detail) from None
    if set(people.holders([new])) - {number}:
        raise Problem("/value", "taken", "Somebody else is known by this. Ask a manager to look at both.")
    return new
