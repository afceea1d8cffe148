"""What one batch of statements needs to know and to lock before it is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from crm import errors, replay, words
from crm.permission import Folded, Key, Statement


@dataclass
class Ledger:
    """The rows of one `record()`: states and address stops as they stand, and what changes."""

    recorded_at: datetime
    addresses: dict[tuple[int, str], list[int]]
    hashes: dict[int, str]
    states: dict[Key, Folded] = field(default_factory=dict)
    stops: dict[tuple[int, str, str], replay.Stop] = field(default_factory=dict)
    # The SHA-256 of the texts that were shown, by code, as far as they are kept here.
    texts: dict[str, str] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    changed_stops: set[tuple[int, str, str]] = field(default_factory=set)


def lock_contacts(statements: Sequence[Statement]) -> list[int]:
    contacts = sorted({statement.contact_id for statement in statements})
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crm_contact WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [contacts])
        missing = set(contacts) - {contact for (contact,) in cursor.fetchall()}
    if missing:
        raise errors.Problems(
            [
                errors.Problem(f"/{index}/contact", "no_such_contact", "There is no such contact.")
                for index, statement in enumerate(statements)
                if statement.contact_id in missing
            ]
        )
    return contacts


def read(contacts: list[int], statements: Sequence[Statement]) -> Ledger:
    """Lock the addresses concerned, read the clock, then what stands."""
    named = sorted({each.address_id for each in statements if each.address_id is not None})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.id, a.medium, a.hash, array(SELECT i.contact_id FROM crm_identifier i
                      WHERE i.address_id = a.id AND i.contact_id = ANY(%s) ORDER BY i.contact_id)
               FROM crm_address a
               WHERE a.id IN (SELECT address_id FROM crm_identifier
                              WHERE contact_id = ANY(%s) AND address_id IS NOT NULL)
                  OR a.id = ANY(%s)
               ORDER BY a.id FOR UPDATE OF a""",
            [contacts, contacts, named],
        )
        found = cursor.fetchall()
        cursor.execute("SELECT clock_timestamp()")
        ledger = Ledger(cursor.fetchone()[0], {}, {})
        for address, medium, value, holders in found:
            ledger.hashes[address] = value
            for holder in holders:
                ledger.addresses.setdefault((holder, medium), []).append(address)
        cursor.execute(
            """SELECT contact_id, address_id, purpose, channel, state, basis, since, expires_at, paused_until,
                      receipt_id FROM crm_consentstate WHERE contact_id = ANY(%s)""",
            [contacts],
        )
        ledger.states = {row[:4]: Folded(*row[4:]) for row in cursor.fetchall()}
        cursor.execute(
            """SELECT address_id, purpose, channel, stopped, since, receipt_id
               FROM crm_addressconsent WHERE address_id = ANY(%s)""",
            [list(ledger.hashes)],
        )
        ledger.stops = {row[:3]: row[3:] for row in cursor.fetchall()}
        codes = sorted({each.wording for each in statements if each.wording})
        if codes:
            cursor.execute(
                """SELECT code, encode(sha256(convert_to(text, 'UTF8')), 'hex') FROM crm_wording
                   WHERE code = ANY(%s)""",
                [codes],
            )
            ledger.texts = dict(cursor.fetchall())
    return ledger


def covered(statement: Statement, ledger: Ledger) -> list[int | None]:
    if statement.address_id is not None:
        return [statement.address_id]
    medium = words.MEDIUM.get(statement.channel, "")
    held: list[int | None] = [*ledger.addresses.get((statement.contact_id, medium), ())]
    return [*held, None] if statement.action == "objected" or not held else held
