"""What people of the office do to contacts by hand: put them away, bring them back, take an identifier off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from crm import audit, publicids
from crm.errors import Problem
from crm.identity import rows


def archive(contact_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Out of lists, segments and reach; nothing is lost, and what they do is still recorded. Answers whom it moved."""
    return _move(contact_ids, now, actor, "contact.archive", now)


def restore(contact_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Back where they were: their tags and lists are still there. Answers whom it moved."""
    return _move(contact_ids, None, actor, "contact.restore", now)


def _move(contact_ids: Sequence[int], to: datetime | None, actor: str, action: str, now: datetime) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id FROM crm_contact
                WHERE id = ANY(%s) AND merged_into_id IS NULL AND archived_at IS {"NOT" if to is None else ""} NULL
                ORDER BY id {rows.FOR_CHANGE}""",  # noqa: S608 - our own words
            [sorted(set(contact_ids))],
        )
        moved = [number for (number,) in cursor.fetchall()]
        if not moved:
            return []
        cursor.execute("UPDATE crm_contact SET archived_at = %s, updated_at = %s WHERE id = ANY(%s)", [to, now, moved])
        rows.tell_changes({number: ["archived"] for number in moved}, now)
        rows.mark_dirty([(number, "*") for number in moved])
        names = [publicids.encode("ctc", number) for number in moved]
        audit.record(
            actor, action, names[0] if len(names) == 1 else f"{len(names)} contacts", None, {"contacts": names}
        )
    return moved


def set_restricted(contact_id: int, *, to: bool, actor: str, now: datetime) -> list[int]:
    """Kept and not used, or used again; with all who were joined into them. Answers whom it moved, in the caller's
    transaction: nobody, where they were so before."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, restricted FROM crm_contact
                WHERE (id = %s AND merged_into_id IS NULL AND erased_at IS NULL) OR merged_into_id = %s
                ORDER BY id {rows.FOR_CHANGE}""",  # noqa: S608 - our own words
            [contact_id, contact_id],
        )
        held = dict(cursor.fetchall())
        if contact_id not in held:
            raise Problem("", "not_found", "There is no contact with this id.")
        if held[contact_id] == to:
            return []
        cursor.execute(
            "UPDATE crm_contact SET restricted = %s, updated_at = %s WHERE id = ANY(%s)", [to, now, list(held)]
        )
    rows.note_changes([(contact_id, {"restricted": not to}, actor)], now)
    rows.mark_dirty([(number, "*") for number in held])
    return sorted(held)


def remove_identifiers(contact_id: int, identifier_ids: Sequence[int], *, actor: str, now: datetime) -> list[int]:
    """Take identifiers off a contact, who must keep one. What was said for an address stays with the address."""
    if not identifier_ids:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        rows.hold([contact_id], rows.FOR_CHANGE)
        cursor.execute(
            "DELETE FROM crm_identifier WHERE contact_id = %s AND id = ANY(%s) RETURNING id, kind, value, identifying",
            [contact_id, list(identifier_ids)],
        )
        gone = sorted(cursor.fetchall())
        cursor.execute("SELECT EXISTS (SELECT FROM crm_identifier WHERE contact_id = %s)", [contact_id])
        if gone and not cursor.fetchone()[0]:
            raise Problem(
                "/identifiers", "last_identifier", "This is the last thing they are known by: add another one first."
            )
        if gone:
            before = [{"kind": kind, "value": value, "identifying": own} for _, kind, value, own in gone]
            rows.note_changes([(contact_id, {"identifiers": before}, actor)], now)
            kinds = {kind for _, kind, _, _ in gone}
            rows.mark_dirty([(contact_id, "consent"), *((contact_id, f"identifier.{kind}") for kind in kinds)])
    return [number for number, *_ in gone]
