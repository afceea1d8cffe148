"""Somebody is kept and not used: nothing is sent, nothing begins, nothing is worked out (GDPR art. 18).

What they say and do is still stored, and their no always counts. One transaction takes them out of everything;
upper floors add what they have to end (`registry.contact_stops`). Used again, they begin as they are: nothing that
was ended goes on by itself, and coming back into a segment is no joining.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from crm import audit, deadlocks, identity, publicids, registry, timeline
from crm.errors import Problem
from crm.models import Event
from crm.rights import requests
from crm.segments import upkeep

RESTRICTED: Final = "Processing Restricted"
RESUMED: Final = "Processing Resumed"
# GDPR art. 18.1 (a) to (d): they say it is not right; it is not lawful and they do not want it erased; we need it no
# more and they do, for claims; they object and it is not decided yet.
WHY: Final = ("accuracy", "unlawful", "claims", "objection")
LONGEST: Final = 400


@dataclass(frozen=True)
class Restricted:
    """How somebody stands: since when, by whom, and why ("" where that was never said)."""

    since: datetime | None
    actor: str
    why: str
    words: str


@deadlocks.patiently
def restrict(contact_id: int, *, why: str, actor: str, now: datetime, words: str = "") -> bool:
    """Take somebody, and whoever was joined into them, out of all processing. False: they were so before."""
    if why not in WHY:
        raise Problem("/why", "not_a_choice", f"{why[:40]!r} is not one of {', '.join(WHY)}.")
    moved = identity.set_restricted(contact_id, to=True, actor=actor, now=now)
    if not moved:
        return False
    _stop(moved, now)
    _tell(contact_id, RESTRICTED, "contact.restrict", actor, now, {"why": why, "words": words.strip()[:LONGEST]})
    requests.carried_out(contact_id, "restriction", actor=actor, now=now, words=words)
    return True


@deadlocks.patiently
def lift(contact_id: int, *, actor: str, now: datetime, words: str = "") -> bool:
    """They are used again from now on. False: they were not restricted."""
    moved = identity.set_restricted(contact_id, to=False, actor=actor, now=now)
    if not moved:
        return False
    upkeep.lock(moved)
    # What slipped in while nobody looked (a run that began in the same moment, an entry that waits for quiet).
    _stop(moved, now)
    back = upkeep.Touched()
    back.add("*", contact_id, historic=True)
    upkeep.follow(back, now)
    _tell(contact_id, RESUMED, "contact.unrestrict", actor, now, {"words": words.strip()[:LONGEST]})
    return True


def of(contact_id: int) -> Restricted:
    """Why and since when somebody is restricted; asked of those who are. One query."""
    told = Event.objects.filter(contact=contact_id, name=RESTRICTED).order_by("-occurred_at", "-pk").first()
    if told is None:
        return Restricted(None, "", "", "")
    said = told.properties
    return Restricted(told.occurred_at, str(said.get("by", "")), str(said.get("why", "")), str(said.get("words", "")))


def among(contact_ids: list[int]) -> set[int]:
    """Those of them who are restricted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crm_contact WHERE id = ANY(%s) AND restricted", [contact_ids])
        return {number for (number,) in cursor.fetchall()}


def _stop(contact_ids: list[int], now: datetime) -> None:
    for stop in registry.contact_stops:
        stop(contact_ids, now)


def _tell(contact_id: int, name: str, action: str, actor: str, now: datetime, told: dict[str, str]) -> None:
    to = name == RESTRICTED
    audit.record(actor, action, publicids.encode("ctc", contact_id), {"restricted": not to}, {"restricted": to, **told})
    # Of two in one instant the later one is the later one: it is found by its number.
    timeline.record([timeline.NewFact(contact_id, name, {**told, "by": actor}, now, source=actor[:120])], now=now)
