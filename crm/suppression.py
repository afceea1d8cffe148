"""Addresses that must not be written to, known by their HMAC, so that the "no" survives erasure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from crm import arrays

BY_HAND = "manual"  # the reason of what a person or a list of theirs stopped
BLOCK = 64  # of SHA-256, in bytes


def keyed_hash(text: str) -> str:
    """HMAC-SHA256 of a text under the secret pepper, in hex."""
    return hmac.digest(settings.SUPPRESSION_PEPPER.encode(), text.encode(), "sha256").hex()


def address_hash(medium: str, value: str) -> str:
    """What an address in its normal form is known by where its text must not stand."""
    return keyed_hash(f"{medium}:{value}")


def hashing() -> Callable[[str, str], str]:
    """`address_hash` for very many: the key is asked for once."""
    keyed = hmac.new(settings.SUPPRESSION_PEPPER.encode(), digestmod="sha256")

    def hashed(medium: str, value: str) -> str:
        mine = keyed.copy()
        mine.update(f"{medium}:{value}".encode())
        return mine.hexdigest()

    return hashed


def keyed_hash_sql(expression: str) -> tuple[str, list[bytes]]:
    """`keyed_hash` of a text expression in SQL, for writes that are one statement.

    PostgreSQL has sha256 but HMAC only in an extension: these are its two rounds.
    The parameters are key material; they travel to the database, never into a log.
    """
    key = settings.SUPPRESSION_PEPPER.encode()
    key = hashlib.sha256(key).digest() if len(key) > BLOCK else key
    key = key.ljust(BLOCK, b"\0")
    outer, inner = bytes(byte ^ 0x5C for byte in key), bytes(byte ^ 0x36 for byte in key)
    sql = f"encode(sha256(%s::bytea || sha256(%s::bytea || convert_to({expression}, 'UTF8'))), 'hex')"
    return sql, [outer, inner]


def suppress(
    medium: str, hashes: Sequence[str], reason: str, *, channel: str = "", source: str = "", now: datetime
) -> int:
    """No message to these addresses from now on. Returns how many were not suppressed so before.

    `channel` empty: all channels of the medium. The address rows are locked first, so a
    hand-off that is under way ends before this returns, and none starts after it.
    """
    with transaction.atomic():
        lock_addresses(medium, hashes)
        rows = arrays.insert(
            "crm_suppression",
            {
                "medium": "text",
                "hash": "text",
                "channel": "text",
                "reason": "text",
                "source": "text",
                "since": "timestamptz",
                "recorded_at": "timestamptz",
            },
            [(medium, each, channel, reason, source, now, now) for each in sorted(set(hashes))],
            conflict="(medium, hash, channel, reason) WHERE until IS NULL DO NOTHING",
            returning="id",
        )
        mark_dirty(medium, hashes)
    return len(rows)


def lift(medium: str, hashes: Sequence[str], *, channel: str = "", reason: str | None = None, now: datetime) -> int:
    """A person ends a suppression; events and imports never do. The row stays, with its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_suppression SET until = %s
               WHERE medium = %s AND hash = ANY(%s) AND channel = %s AND (until IS NULL OR until > %s)
                 AND (%s::text IS NULL OR reason = %s)""",
            [now, medium, list(hashes), channel, now, reason, reason],
        )
        count = int(cursor.rowcount)
        mark_dirty(medium, hashes)
    return count


def hand_over(medium: str, hashes: Sequence[str], *, before: str, after: str) -> None:
    """What one file had stopped, another one says too: it stands on that one from now on."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_suppression SET source = %s
               WHERE medium = %s AND hash = ANY(%s) AND source = %s AND until IS NULL""",
            [after, medium, list(hashes), before],
        )


def forget(addresses: Sequence[tuple[str, str]]) -> None:
    """What carriers said of addresses that were made up and are gone: (medium, hash). A person's no stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM crm_suppression s USING unnest(%s::text[], %s::text[]) AS gone(medium, hash)
               WHERE s.medium = gone.medium AND s.hash = gone.hash AND s.source = 'delivery'""",
            [[medium for medium, _ in addresses], [value for _, value in addresses]],
        )


def lock_addresses(medium: str, hashes: Sequence[str]) -> None:
    """Lock the address rows in id order: the same rows a hand-off and a withdrawal lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM crm_address WHERE medium = %s AND hash = ANY(%s) ORDER BY id FOR UPDATE",
            [medium, list(hashes)],
        )


def mark_dirty(medium: str, hashes: Sequence[str]) -> None:
    """Rules about reachability may answer differently now for everybody who holds these addresses."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_dirty (contact, mention)
               SELECT DISTINCT i.contact_id, 'consent' FROM crm_address a
               JOIN crm_identifier i ON i.address_id = a.id WHERE a.medium = %s AND a.hash = ANY(%s)""",
            [medium, list(hashes)],
        )
