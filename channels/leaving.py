"""People taking permissions back by a link, a button of their mailbox, or a complaint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from crm import consent, suppression
from crm.rights import objection

# What a person can ask for on the way out.
ALL: Final = "all"
SCOPES: Final = ("this", ALL, "pause")
PAUSE: Final = timedelta(days=30)

THEMSELVES: Final = "themselves"


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
        cursor.execute(
            "SELECT id FROM crm_contact WHERE id = ANY(%s) AND erased_at IS NULL",
            [sorted({each.contact_id for each in leaves})],
        )
        living = {contact for (contact,) in cursor.fetchall()}
    _suppress_of_gone([leave for leave in leaves if leave.contact_id not in living], now)
    here = [leave for leave in leaves if leave.contact_id in living]
    wishes = [_statement(leave, now) for leave in here if leave.scope != ALL]
    return objection.record(
        [_objection(leave) for leave in here if leave.scope == ALL],
        actor=THEMSELVES, now=now, also=_still_open(wishes),
    )  # fmt: skip


def _objection(leave: Leave) -> objection.Objection:
    return objection.Objection(
        leave.contact_id, leave.method, f"message:{leave.message_id}", leave.address_id, leave.channel, leave.evidence
    )


def _statement(leave: Leave, now: datetime) -> consent.Statement:
    paused = leave.scope == "pause"
    return consent.Statement(
        contact_id=leave.contact_id, purpose=leave.purpose or "offers", channel=leave.channel,
        action="paused" if paused else "withdrawn", basis="", method=leave.method,
        source=f"message:{leave.message_id}", occurred_at=now, address_id=leave.address_id,
        until=now + PAUSE if paused else None, evidence=leave.evidence,
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
