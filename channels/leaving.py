"""People taking permissions back by a link, a button of their mailbox, or a complaint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from crm import consent, suppression, words

# What a person can ask for on the way out.
SCOPES: Final = ("this", "all", "pause")
PAUSE: Final = timedelta(days=30)

LIVING: Final = """
SELECT c.id,
       array(SELECT a.medium || ':' || a.id FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id
             WHERE i.contact_id = c.id ORDER BY a.id),
       array(SELECT DISTINCT s.channel::text FROM crm_consentstate s WHERE s.contact_id = c.id)
FROM crm_contact c WHERE c.id = ANY(%s)"""


@dataclass(frozen=True)
class Leave:
    """One wish to leave, and the message it came by. `scope`: see SCOPES."""

    message_id: int
    contact_id: int
    address_id: int | None
    channel: str
    purpose: str
    scope: str = "this"
    method: str = "one_click"
    evidence: Mapping[str, Any] = field(default_factory=dict)


def lock(contact_ids: Iterable[int], address_ids: Iterable[int | None]) -> None:
    """Contacts, then addresses, each in id order: the order every writer of consent keeps."""
    contacts, addresses = sorted(set(contact_ids)), sorted({each for each in address_ids if each is not None})
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crm_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [contacts])
        cursor.execute(
            """SELECT id FROM crm_address WHERE id = ANY(%s) OR id IN
                 (SELECT address_id FROM crm_identifier WHERE contact_id = ANY(%s) AND address_id IS NOT NULL)
               ORDER BY id FOR UPDATE""",
            [addresses, contacts],
        )


def withdraw(leaves: Sequence[Leave], now: datetime) -> list[consent.Recorded]:
    """Record the withdrawals; in the caller's transaction. What is withdrawn already stays as it is.

    Where the contact is gone the address itself is suppressed: the "no" outlives the person.
    """
    if not leaves:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LIVING, [sorted({leave.contact_id for leave in leaves})])
        living = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    _suppress_of_gone([leave for leave in leaves if leave.contact_id not in living], now)
    wishes = [
        statement
        for leave in leaves
        if leave.contact_id in living
        for statement in _statements(leave, *living[leave.contact_id], now)
    ]
    return consent.record(_still_open(wishes), now=now)


def _statements(leave: Leave, held: Sequence[str], used: Sequence[str], now: datetime) -> list[consent.Statement]:
    if leave.scope != "all":
        action = "paused" if leave.scope == "pause" else "withdrawn"
        return [_statement(leave, leave.purpose or "offers", leave.channel, leave.address_id, action, now)]
    by_medium: dict[str, list[int]] = {}
    for medium, _, number in (each.partition(":") for each in held):
        by_medium.setdefault(medium, []).append(int(number))
    channels = {leave.channel, *used, *(channel for channel, medium in words.MEDIUM.items() if medium in by_medium)}
    return [
        _statement(leave, purpose, channel, address, "objected", now)
        for channel in sorted(channels)
        for address in by_medium.get(words.MEDIUM.get(channel, ""), [None])
        for purpose in words.MARKETING
    ]


def _statement(
    leave: Leave, purpose: str, channel: str, address_id: int | None, action: str, now: datetime
) -> consent.Statement:
    return consent.Statement(
        contact_id=leave.contact_id, purpose=purpose, channel=channel, action=action, basis="",
        method=leave.method, source=f"message:{leave.message_id}", occurred_at=now,
        address_id=address_id,
        until=now + PAUSE if action == "paused" else None, evidence=leave.evidence,
    )  # fmt: skip


def _still_open(wishes: Sequence[consent.Statement]) -> list[consent.Statement]:
    """Without what stands already: a second click is no second statement."""
    keys = {(each.contact_id, each.address_id, each.purpose, each.channel) for each in wishes}
    standings = consent.standings(sorted(keys, key=str))
    kept: dict[tuple[int, int | None, str, str], consent.Statement] = {}
    for wish in wishes:
        key = (wish.contact_id, wish.address_id, wish.purpose, wish.channel)
        standing = standings[key]
        done = standing.state in {"withdrawn", "refused"} and (wish.address_id is None or standing.stopped_since)
        if not done and not (wish.action == "paused" and standing.state == "paused"):
            kept.setdefault(key, wish)
    return list(kept.values())


def _suppress_of_gone(leaves: Sequence[Leave], now: datetime) -> None:
    addresses = [leave.address_id for leave in leaves if leave.address_id is not None]
    if not addresses:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT medium, hash FROM crm_address WHERE id = ANY(%s) ORDER BY id", [addresses])
        rows = cursor.fetchall()
    for medium in sorted({medium for medium, _ in rows}):
        suppression.suppress(medium, [value for each, value in rows if each == medium], "manual",
                             source="unsubscribe", now=now)  # fmt: skip
