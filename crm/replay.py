"""The states of consent, folded anew from the receipts: to compare (I6), and after a join.

Where two contacts became one, what each had said is folded by itself up to that moment; then, for each purpose,
channel and address, the stricter of the two counts, and what is said afterwards is folded on that. A yes goes to no
address it was not given for, because states are kept by address; a no that named no address counts for all of both.
A join that was undone never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from crm import permission
from crm.permission import NOTHING, Folded, Key, Said

RECEIPTS = """
SELECT contact_id, address_id, purpose, channel, id, action, basis, method, occurred_at, until, expires_at, source,
       chain
FROM crm_consentreceipt {where} ORDER BY id
"""
# Joins that hold, and those that happened to whoever was joined, in the order in which they were made.
MERGES = """
WITH RECURSIVE mine AS (
  SELECT id, loser_id, winner_id, receipt_high FROM crm_contactmerge
  WHERE undone_at IS NULL AND winner_id = ANY(%s)
  UNION SELECT m.id, m.loser_id, m.winner_id, m.receipt_high
  FROM crm_contactmerge m JOIN mine ON m.winner_id = mine.loser_id AND m.undone_at IS NULL AND m.id < mine.id)
SELECT loser_id, winner_id, receipt_high FROM mine ORDER BY receipt_high, id
"""
ALL_MERGES = """SELECT loser_id, winner_id, receipt_high FROM crm_contactmerge
WHERE undone_at IS NULL ORDER BY receipt_high, id"""
Stop = tuple[bool, Any, int]
Merge = tuple[int, int, int]  # loser, winner, the newest receipt before
Spoken = tuple[Key, Said, int]  # the last: whose chain the receipt is in

# Of two states the one further to the left counts.
STRICTER: Final = (
    "withdrawn", "refused", "expired", "requested", "granted_unconfirmed", "paused", "soft", "granted", "unknown",
)  # fmt: skip
LATEST: Final = datetime.max.replace(tzinfo=UTC)


def states(contacts: Sequence[int] | None = None) -> dict[Key, Folded]:
    """What each (contact, address, purpose, channel) comes to; of all contacts, or of these."""
    return fold(_receipts(contacts), merges(contacts))


def merges(contacts: Sequence[int] | None) -> list[Merge]:
    with connection.cursor() as cursor:
        cursor.execute(*((ALL_MERGES,) if contacts is None else (MERGES, [list(contacts)])))
        return list(cursor.fetchall())


def fold(spoken: Iterable[Spoken], joined: Sequence[Merge]) -> dict[Key, Folded]:
    """The states after these receipts and joins, both in the order in which they were recorded."""
    found: dict[Key, Folded] = {}
    became: dict[int, int] = {}
    final = {loser: winner for loser, winner, _ in joined}
    waiting = list(reversed(joined))
    for (contact, *rest), said, chain in spoken:
        while waiting and waiting[-1][2] < said.receipt_id:
            _become(found, became, *waiting.pop()[:2])
        spoke = chain if _last(chain, final) == contact else contact
        key = (_last(spoke, became), *rest)
        found[key] = permission.step(found.get(key, NOTHING), said)  # type: ignore[index,arg-type]
    while waiting:
        _become(found, became, *waiting.pop()[:2])
    return {key: folded for key, folded in found.items() if folded != NOTHING}


def _last(contact: int, became: Mapping[int, int]) -> int:
    while contact in became:
        contact = became[contact]
    return contact


def _become(found: dict[Key, Folded], became: dict[int, int], loser: int, winner: int) -> None:
    """The states of two become those of one."""
    theirs = {key[1:]: found.pop(key) for key in [key for key in found if key[0] == loser]}
    own = {key[1:]: folded for key, folded in found.items() if key[0] == winner}
    became[loser] = winner
    for rest, folded in joined_states(own, theirs).items():
        found[winner, *rest] = folded


Place = tuple[int | None, str, str]  # address, purpose, channel


def joined_states(one: Mapping[Place, Folded], other: Mapping[Place, Folded]) -> dict[Place, Folded]:
    """Of each key the stricter; a no without an address also holds for the addresses of the other. Pure."""
    both = dict(one)
    for place, folded in other.items():
        both[place] = stricter(both[place], folded) if place in both else folded
    for mine, others in ((one, other), (other, one)):
        for (address, purpose, channel), no in mine.items():
            if address is None and no.state in ("refused", "withdrawn"):
                for place in others:
                    if place[1:] == (purpose, channel):
                        both[place] = stricter(both[place], no)
    return both


def stricter(one: Folded, other: Folded) -> Folded:
    """The one that allows less; of two alike the one that ends earlier, then the one said later."""
    ranks = [STRICTER.index(each.state) for each in (one, other)]
    if ranks[0] != ranks[1]:
        return one if ranks[0] < ranks[1] else other
    ends = [each.expires_at or LATEST for each in (one, other)]
    if one.state == "paused":  # the longer pause is the stricter one
        ends = [-(each.paused_until or LATEST).timestamp() for each in (one, other)]  # type: ignore[misc]
    if ends[0] != ends[1]:
        return one if ends[0] < ends[1] else other
    return max(one, other, key=lambda each: (each.since or LATEST, each.receipt_id or 0))


def stops() -> dict[tuple[int, str, str], Stop]:
    """What each (address, purpose, channel) comes to, whoever spoke for it."""
    found: dict[tuple[int, str, str], Stop] = {}
    for (_, address, purpose, channel), said, _chain in _receipts(None):
        if address is not None:
            step_stop(found, (address, purpose, channel), said)
    return found


def step_stop(stops: dict[tuple[int, str, str], Stop], key: tuple[int, str, str], said: Said) -> bool:
    """One more statement about an address; True if it changed the address's own no."""
    stopped = stops.get(key)
    if said.action in permission.NO:
        stops[key] = (True, said.occurred_at, said.receipt_id)
        return True
    if stopped and stopped[0] and permission.lifts_address(said, stopped[1]):
        stops[key] = (False, said.occurred_at, said.receipt_id)
        return True
    return False


def differing() -> list[tuple[Any, ...]]:
    """States that are not the fold of their receipts (invariant I6): key, stored, replayed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT contact_id, address_id, purpose, channel, state, basis, since, expires_at, paused_until,
                      receipt_id FROM crm_consentstate"""
        )
        stored = {row[:4]: Folded(*row[4:]) for row in cursor}
        cursor.execute("SELECT address_id, purpose, channel, stopped, since, receipt_id FROM crm_addressconsent")
        kept = {row[:3]: row[3:] for row in cursor}
    replayed, told = states(), stops()
    found: list[tuple[Any, ...]] = [
        (*key, _word(stored.get(key)), _word(replayed.get(key)))
        for key in sorted(stored.keys() | replayed.keys(), key=str)
        if stored.get(key) != replayed.get(key)
    ]
    return found + [
        ("address", *key, str(kept.get(key)), str(told.get(key)))
        for key in sorted(kept.keys() | told.keys())
        if kept.get(key) != told.get(key)
    ]


def _word(folded: Folded | None) -> str:
    return "none" if folded is None else f"{folded.state} by receipt {folded.receipt_id}"


def _receipts(contacts: Sequence[int] | None) -> Iterator[Spoken]:
    where, params = ("", []) if contacts is None else ("WHERE contact_id = ANY(%s)", [list(contacts)])
    with connection.chunked_cursor() as cursor:
        cursor.execute(RECEIPTS.format(where=where), params)
        for row in cursor:
            yield row[:4], Said(*row[4:-1]), row[-1]
