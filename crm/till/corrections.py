"""A phone or an e-mail that was wrong: the right one takes its place, with the reason.

A yes given for the old address is not one for the new one (decision B3): they are asked again. Whatever belongs to
somebody else stays theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from crm import audit, capture, identity, normalise, publicids, timeline, workspace
from crm.errors import Problem, Problems
from crm.models import Identifier
from crm.till import people
from crm.till.desk import Desk
from crm.till.entries import Done

KINDS: Final = ("phone", "email")
REASONS: Final = ("typo", "moved", "wrong_person", "other")
FIELDS: Final = {"contact", "kind", "value", "country", "reason"}
CORRECTED: Final = "Contact Corrected"


def correct(desk: Desk, body: Mapping[str, Any], key: str, happened: datetime, now: datetime) -> Done:
    """The handler of an entry: `{contact, kind, value, country?, reason}`."""
    del key
    if set(body) - FIELDS:
        raise Problem(f"/{min(set(body) - FIELDS)}", "unknown", "There is no such field.")
    number = publicids.decode("ctc", str(body.get("contact", "")), "/contact")
    person = people.one(desk.store, number)
    if person is None:
        raise Problem("/contact", "not_found", "This customer is not one of this store.")
    kind, reason = str(body.get("kind", "")), str(body.get("reason", ""))
    if kind not in KINDS:
        raise Problem("/kind", "not_a_choice", "A phone or an e-mail is corrected here.")
    if reason not in REASONS:
        raise Problem("/reason", "required", "Say why it is corrected.")
    country = str(body.get("country") or desk.store.country or workspace.current().country)
    try:
        new = normalise.trace(kind, body.get("value"), country)
    except Problem as wrong:
        raise Problem("/value", wrong.code, wrong.detail) from None
    if set(people.holders([new])) - {number}:
        raise Problem("/value", "taken", "Somebody else is known by this. Ask a manager to look at both.")
    old = list(
        Identifier.objects.filter(contact=number, kind=kind).exclude(value=new.value).values_list("pk", flat=True)
    )
    traces: list[Any] = [{"kind": "id", "value": publicids.encode("ctc", number)}, new]
    arrival = capture.Arrival(traces, source=desk.source, actor=desk.actor, in_person=True)
    received = capture.receive([arrival], now=now)[0]
    if received.problems:
        raise Problems([Problem("/value", each.code, each.detail) for each in received.problems])
    identity.remove_identifiers(number, old, actor=desk.actor, now=now)
    audit.record(
        desk.actor, "contact.correct", publicids.encode("ctc", number), None,
        {"kind": kind, "reason": reason, "store": desk.store.code, "removed": len(old)},
    )  # fmt: skip
    fact = timeline.NewFact(
        number, CORRECTED, {"kind": kind, "reason": reason, "store": desk.store.code, "by": desk.actor}, happened,
        source=desk.source,
    )  # fmt: skip
    timeline.record([fact], now=now)
    return Done(number, {"contact": publicids.encode("ctc", number), "kind": kind})
