"""Contacts nobody was go, with everything that hangs on them: made up, or asked to confirm and never heard of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.apps import apps
from django.db import connection, models

from crm import suppression
from crm.identity import rows
from crm.models import Contact

# Columns that name a contact by number alone.
PLAIN: Final = {"crm_dirty": "contact", "crm_reaction": "contact"}
# What hangs on something that hangs on a contact: table, column -> where the numbers are.
BENEATH: Final = (
    ("channels_attempt", "message_id", "SELECT id FROM channels_message WHERE contact_id = ANY(%s)"),
    ("channels_sandboxmessage", "message_id", "SELECT id FROM channels_message WHERE contact_id = ANY(%s)"),
    ("crm_orderline", "order_id", "SELECT id FROM crm_order WHERE contact_id = ANY(%s)"),
    ("crm_eventkey", "event", "SELECT id FROM crm_event WHERE contact_id = ANY(%s)"),
    (
        "crm_mergejournal",
        "merge_id",
        """SELECT m.id FROM unnest(%s::bigint[]) AS c(id)
           JOIN crm_contactmerge m ON m.winner_id = c.id OR m.loser_id = c.id""",
    ),
    # By the run: its partitions have an index for that, and none for the contact.
    ("campaigns_visit", "run_id", "SELECT id FROM campaigns_enrolment WHERE contact_id = ANY(%s)"),
)
# A receipt goes while its confirmation says that it may (`crm.database`), so that goes after it.
LAST: Final = ("crm_consentreceipt", "crm_confirmation", "crm_identifier")


def remove(contacts: Sequence[int]) -> int:
    """Whoever has a message on the wire stays for now. Answers how many went; the caller is in a transaction."""
    asked = [contact for contact in sorted(contacts) if contact not in on_the_wire(contacts)]
    rows.hold(asked, rows.FOR_JOIN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT address_id FROM crm_identifier WHERE contact_id = ANY(%s)", [asked])
        addresses = [number for (number,) in cursor.fetchall() if number is not None]
        for table, column, inner in BENEATH:
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({inner})", [asked])  # noqa: S608 - our own names
        for table, column in (*hanging(), *((table, "contact_id") for table in LAST)):
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [asked])  # noqa: S608 - our own names
        _addresses(addresses)
        cursor.execute("UPDATE crm_contact SET merged_into_id = NULL WHERE merged_into_id = ANY(%s)", [asked])
        cursor.execute("DELETE FROM crm_contact WHERE id = ANY(%s)", [asked])
        return int(cursor.rowcount)


def on_the_wire(contacts: Sequence[int]) -> set[int]:
    """Who of these has a message that is being handed over at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT contact_id FROM channels_message
               WHERE contact_id = ANY(%s) AND state IN ('claimed', 'handing_off')""",
            [list(contacts)],
        )
        return {contact for (contact,) in cursor.fetchall()}


def hanging() -> Iterator[tuple[str, str]]:
    """Every table of ours with a column for a contact, whoever added it."""
    yield from PLAIN.items()
    for model in apps.get_models():
        table = model._meta.db_table
        if model is Contact or table in (*LAST, "campaigns_visit"):
            continue
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.related_model is Contact:
                yield table, field.column


def _addresses(addresses: Sequence[int]) -> None:
    """Addresses that nobody has any more, and that no proof names."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, medium, hash FROM crm_address a WHERE id = ANY(%s)
               AND NOT EXISTS (SELECT FROM crm_identifier i WHERE i.address_id = a.id)
               AND NOT EXISTS (SELECT FROM crm_consentreceipt r WHERE r.address_id = a.id) FOR UPDATE""",
            [list(addresses)],
        )
        found = cursor.fetchall()
        free = [number for number, *_ in found]
        for table, column in (("crm_addressconsent", "address_id"), ("crm_address", "id")):
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [free])  # noqa: S608 - our own names
    suppression.forget([(medium, value) for _, medium, value in found])
