"""May we have written to them then? The answer of `crm.consent.allowed` for any instant of the past.

Today's states are a fold of all receipts; of an earlier instant they say nothing. So the receipts are folded
again, up to that instant: what the person had said by then, whoever held the address. What the address could take
(bounces, complaints, exclusion lists) is read from the suppressions, which keep since when and until when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from crm import replay, words
from crm.permission import DOUBLE, NOTHING, Allow, Deny, Folded, Key, Said, Standing, decide
from crm.standings import purpose_of

# What was said by this person, or at one of these addresses by anybody; in the order in which it was recorded.
SAID: Final = """
SELECT r.contact_id, r.address_id, r.chain, r.id, r.action, r.basis, r.method, r.occurred_at, r.until, r.expires_at,
       r.source
FROM crm_consentreceipt r
WHERE r.id IN (
  SELECT id FROM crm_consentreceipt WHERE contact_id = %(contact)s AND purpose = %(purpose)s AND channel = %(channel)s
  UNION SELECT id FROM crm_consentreceipt
  WHERE address_id = ANY(%(addresses)s) AND purpose = %(purpose)s AND channel = %(channel)s)
  AND r.occurred_at <= %(at)s AND (%(known_at)s::timestamptz IS NULL OR r.recorded_at <= %(known_at)s)
ORDER BY r.id"""
# The addresses they had by then; of one that was taken off since, the receipts still tell.
ADDRESSES: Final = """
SELECT a.id, a.value, i.id IS NOT NULL AS held,
       array(SELECT p.reason::text FROM crm_suppression p WHERE p.medium = a.medium AND p.hash = a.hash
             AND p.channel IN ('', %(channel)s) ORDER BY p.id),
       array(SELECT p.since FROM crm_suppression p WHERE p.medium = a.medium AND p.hash = a.hash
             AND p.channel IN ('', %(channel)s) ORDER BY p.id),
       array(SELECT p.until FROM crm_suppression p WHERE p.medium = a.medium AND p.hash = a.hash
             AND p.channel IN ('', %(channel)s) ORDER BY p.id)
FROM crm_address a
LEFT JOIN crm_identifier i ON i.address_id = a.id AND i.contact_id = %(contact)s AND i.created_at <= %(at)s
WHERE a.medium = %(medium)s AND (i.id IS NOT NULL OR a.id IN (
  SELECT address_id FROM crm_consentreceipt
  WHERE contact_id = %(contact)s AND channel = %(channel)s AND occurred_at <= %(at)s))
ORDER BY (i.id IS NULL), (i.verified_at IS NULL), i.created_at, i.id, a.id"""
# Who became this contact only later: what they had said was not this person's yet.
LATER: Final = """
SELECT loser_id FROM crm_contactmerge WHERE undone_at IS NULL AND loser_id = ANY(%s) AND at > %s"""
PERSON: Final = """
SELECT merged_into_id IS NOT NULL OR restricted OR coalesce(archived_at <= %(at)s, false)
FROM crm_contact WHERE id = %(contact)s"""


class Answer(NamedTuple):
    """What was to be said of one address (empty: a channel without addresses, or none known)."""

    verdict: Allow | Deny
    address: str = ""
    standing: Standing = Standing()


class _Address(NamedTuple):
    id: int
    value: str
    held: bool
    reasons: Sequence[str]
    sinces: Sequence[datetime]
    untils: Sequence[datetime | None]


@dataclass(frozen=True)
class _Question:
    contact: int
    purpose: str
    channel: str
    at: datetime
    message_class: str
    known_at: datetime | None

    def params(self, addresses: Sequence[int] = ()) -> dict[str, Any]:
        medium = words.MEDIUM.get(self.channel, "")
        return {**asdict(self), "medium": medium, "addresses": list(addresses)}


def allowed(
    contact_id: int,
    purpose: str,
    channel: str,
    at: datetime,
    message_class: str = "marketing",
    *,
    known_at: datetime | None = None,
) -> Answer:
    """May a message of this class have gone to this contact at that instant? Five queries.

    Of several addresses the one it would have gone to: an allowed one first. `known_at` (the machine's time)
    leaves out what was recorded later, such as a paper form of last week: what could be known, not what was so.
    """
    asked = _Question(contact_id, purpose_of(purpose, message_class), channel, at, message_class, known_at)
    with connection.cursor() as cursor:
        cursor.execute(PERSON, asked.params())
        row = cursor.fetchone()
        if row is None:
            return Answer(Deny("contact_removed"))
        places: list[_Address | None] = [None]
        if channel in words.MEDIUM:
            cursor.execute(ADDRESSES, asked.params())
            places = [_Address(*each) for each in cursor.fetchall()] or [None]
        cursor.execute(SAID, asked.params([place.id for place in places if place]))
        spoken = [
            ((each[0], each[1], asked.purpose, asked.channel), Said(*each[3:]), each[2]) for each in cursor.fetchall()
        ]
        joined = replay.merges([contact_id])
        cursor.execute(LATER, [[loser for loser, _, _ in joined], at])
        later = {loser for (loser,) in cursor.fetchall()}
    spoken = [each for each in spoken if each[2] not in later]
    states = replay.fold(
        [each for each in spoken if each[0][0] == contact_id], [each for each in joined if each[0] not in later]
    )
    standings = [replace(_standing(asked, place, spoken, states), removed=bool(row[0])) for place in places]
    answers = [
        Answer(decide(standing, message_class, at), place.value if place else "", standing)
        for place, standing in zip(places, standings, strict=True)
    ]
    return next((each for each in answers if isinstance(each.verdict, Allow)), answers[0])


def _standing(
    asked: _Question, place: _Address | None, spoken: Sequence[replay.Spoken], states: Mapping[Key, Folded]
) -> Standing:
    """What the receipts come to for one address, as `crm.standings` reads it of today's states."""
    address_id = place.id if place else None
    state = states.get((asked.contact, address_id, asked.purpose, asked.channel), NOTHING)
    behind = next((said for _, said, _ in spoken if said.receipt_id == state.receipt_id), None)
    stops: dict[tuple[int, str, str], replay.Stop] = {}
    for (_, address, purpose, channel), said, _ in spoken:
        if address is not None and address == address_id:
            replay.step_stop(stops, (address, purpose, channel), said)
    stopped, since, _ = stops.get((address_id or 0, asked.purpose, asked.channel), (False, None, 0))
    return Standing(
        state=state.state,
        basis=state.basis,
        since=state.since,
        expires_at=state.expires_at,
        paused_until=state.paused_until,
        receipt_id=state.receipt_id,
        stopped_since=since if stopped else None,
        suppressions=tuple(zip(place.reasons, place.sinces, place.untils, strict=True)) if place else (),
        reachable=asked.channel not in words.MEDIUM or bool(place and place.held),
        method=behind.method if behind else "",
        confirmed=behind is not None and (behind.action == "confirmed" or behind.method in DOUBLE),
    )
