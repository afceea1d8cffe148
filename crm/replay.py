"""The states of consent, folded anew from the receipts: to compare (I6), and after a join."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from crm import permission
from crm.permission import NOTHING, Folded, Key, Said

RECEIPTS = """
SELECT contact_id, address_id, purpose, channel, id, action, basis, method, occurred_at, until, expires_at, source
FROM crm_consentreceipt {where} ORDER BY id
"""
Stop = tuple[bool, Any, int]


def states(contacts: Sequence[int] | None = None) -> dict[Key, Folded]:
    """What each (contact, address, purpose, channel) comes to; of all contacts, or of these."""
    found: dict[Key, Folded] = {}
    for key, said in _receipts(contacts):
        found[key] = permission.step(found.get(key, NOTHING), said)
    return {key: folded for key, folded in found.items() if folded != NOTHING}


def stops() -> dict[tuple[int, str, str], Stop]:
    """What each (address, purpose, channel) comes to, whoever spoke for it."""
    found: dict[tuple[int, str, str], Stop] = {}
    for (_, address, purpose, channel), said in _receipts(None):
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


def _receipts(contacts: Sequence[int] | None) -> Iterator[tuple[Key, Said]]:
    where, params = ("", []) if contacts is None else ("WHERE contact_id = ANY(%s)", [list(contacts)])
    with connection.chunked_cursor() as cursor:
        cursor.execute(RECEIPTS.format(where=where), params)
        for row in cursor:
            yield row[:4], Said(*row[4:])
