"""Permissions run out: when their end has passed a receipt says so, and segments and queued messages follow.

A message was never in danger: `permission.decide` looks at the end itself. This is for what only looks at states.
"""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

from crm import clock, consent

ROUND: Final = "crm.expiry"
BATCH: Final = 500
SOURCE: Final = "expiry"
# Those who are not busy at this moment; the others come in the next round.
DUE: Final = """
SELECT id FROM crm_contact WHERE id IN (
  SELECT contact_id FROM (
    SELECT contact_id FROM crm_consentstate WHERE expires_at <= %s ORDER BY expires_at LIMIT %s) AS due)
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"""
STATES: Final = """
SELECT contact_id, address_id, purpose, channel, expires_at FROM crm_consentstate
WHERE contact_id = ANY(%s) AND expires_at <= %s ORDER BY contact_id, purpose, channel, address_id"""


def work() -> int:
    """One batch. What was renewed since it was looked up is read again under the lock, and left alone."""
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DUE, [now, BATCH])
        contacts = [contact for (contact,) in cursor.fetchall()]
        cursor.execute(STATES, [contacts, now])
        statements = [
            consent.Statement(contact, purpose, channel, "expired", "", "operator", SOURCE, occurred_at=over,
                              address_id=address)
            for contact, address, purpose, channel, over in cursor.fetchall()
        ]  # fmt: skip
        consent.record(statements, now=now)
    return len(statements)


def pending() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_consentstate WHERE expires_at <= %s", [clock.now()])
        return int(cursor.fetchone()[0])
