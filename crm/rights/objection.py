"""Somebody objects: one action stops all marketing and all profiling, on every channel (GDPR art. 21.2 and 21.3).

It also covers channels they never used and addresses they do not have yet. Receipts and what follows from them are
`crm.consent`'s: queued messages are taken back, stages end, ad audiences let go, all in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from crm import audit, consent, publicids, timeline, words
from crm.errors import Problem
from crm.rights import requests

OBJECTED: Final = "Objection Recorded"
ACTION: Final = "objected"
STOPPED: Final = ("withdrawn", "refused")

# Of each person: their addresses by medium, what stands where, and which address is stopped for all who hold it.
HELD: Final = """
SELECT i.contact_id, a.medium, a.id FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id
WHERE i.contact_id = ANY(%s) ORDER BY a.id"""
STATES: Final = """
SELECT s.contact_id, s.purpose, s.channel, s.address_id, s.state,
       s.address_id IS NULL OR EXISTS (SELECT FROM crm_addressconsent t WHERE t.address_id = s.address_id
         AND t.purpose = s.purpose AND t.channel = s.channel AND t.stopped)
FROM crm_consentstate s WHERE s.contact_id = ANY(%s)"""


@dataclass(frozen=True)
class Objection:
    """Who objects, how they said it and where. `address_id`: also this one, if it is not theirs any more."""

    contact_id: int
    method: str
    source: str
    address_id: int | None = None
    channel: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def object_to_all(
    contact_id: int, *, method: str, source: str, actor: str, now: datetime, evidence: Mapping[str, Any] | None = None
) -> int:
    """Stop everything for one person. Answers how many receipts it took: none, where all was stopped before."""
    said = Objection(contact_id, method, source, evidence=evidence or {})
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT id FROM crm_contact WHERE id = %s AND merged_into_id IS NULL AND erased_at IS NULL
                   FOR NO KEY UPDATE""",
                [contact_id],
            )
            if cursor.fetchone() is None:
                raise Problem("", "not_found", "There is no contact with this id.")
        made = record([said], actor=actor, now=now)
        if made:
            requests.carried_out(contact_id, "objection", actor=actor, now=now)
    return len(made)


def record(
    objections: Sequence[Objection], *, actor: str, now: datetime, also: Sequence[consent.Statement] = ()
) -> list[consent.Recorded]:
    """The same for several, in the caller's transaction, which holds their contacts. `also`: what is said with them."""
    wishes = statements(objections, now)
    answers = consent.record([*wishes, *also], now=now)
    told = {each.contact_id for each in wishes}
    heard = {each.contact_id: each for each in objections if each.contact_id in told}
    for contact, said in sorted(heard.items()):
        audit.record(actor, "contact.object", publicids.encode("ctc", contact), None, {"method": said.method})
    timeline.record(
        [
            timeline.NewFact(contact, OBJECTED, {"method": said.method, "by": actor}, now, source=said.source[:120])
            for contact, said in heard.items()
        ],
        now=now,
    )
    return answers


def statements(objections: Sequence[Objection], now: datetime) -> list[consent.Statement]:
    """Every marketing purpose on every channel, but for what is stopped already. Two queries."""
    stands = _stands(sorted({each.contact_id for each in objections}))
    return [
        made
        for said in {each.contact_id: each for each in objections}.values()
        for channel in words.CHANNELS
        for purpose in words.MARKETING
        for made in _said(said, purpose, channel, stands, now)
    ]


@dataclass(frozen=True)
class _Stands:
    """Of each contact: their addresses by medium, and by purpose and channel what was said and what is stopped."""

    held: dict[tuple[int, str], set[int | None]] = field(default_factory=dict)
    stopped: dict[tuple[int, str, str], set[int | None]] = field(default_factory=dict)
    known: set[tuple[int, str, str]] = field(default_factory=set)


def _stands(contact_ids: Sequence[int]) -> _Stands:
    found = _Stands()
    with connection.cursor() as cursor:
        cursor.execute(HELD, [list(contact_ids)])
        for contact, medium, address in cursor.fetchall():
            found.held.setdefault((contact, medium), set()).add(address)
        cursor.execute(STATES, [list(contact_ids)])
        for contact, purpose, channel, address, state, everywhere in cursor.fetchall():
            found.known.add((contact, purpose, channel))
            if state in STOPPED and everywhere:
                found.stopped.setdefault((contact, purpose, channel), set()).add(address)
    return found


def _said(said: Objection, purpose: str, channel: str, stands: _Stands, now: datetime) -> Iterator[consent.Statement]:
    """One for all their addresses and those to come; and one for the address they wrote from, if it is another."""
    place = (said.contact_id, purpose, channel)
    theirs = stands.held.get((said.contact_id, words.MEDIUM.get(channel, "")), set())
    done = stands.stopped.get(place, set())
    if not {*theirs, None} <= done:
        yield _statement(said, purpose, channel, None, now, quiet=place not in stands.known)
    if said.address_id is not None and channel == said.channel and said.address_id not in (theirs | done):
        yield _statement(said, purpose, channel, said.address_id, now, quiet=True)


def _statement(
    said: Objection, purpose: str, channel: str, address_id: int | None, now: datetime, *, quiet: bool
) -> consent.Statement:
    return consent.Statement(
        contact_id=said.contact_id, purpose=purpose, channel=channel, action=ACTION, basis="", method=said.method,
        source=said.source, occurred_at=now, address_id=address_id, evidence=said.evidence, quiet=quiet,
    )  # fmt: skip
