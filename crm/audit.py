"""Every change by a person or a key: who, what, before and after. Append-only and chained.

The hash is computed by the database on both sides, over the JSON as it keeps it. It covers before and after as a
salted digest: erasure may empty both, and the salt with which they could be guessed, and the chain stays whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from crm import clock
from crm.partitions import LOCK_AUDIT


def _framed(parts: Sequence[str]) -> str:
    text = " || ".join(f"octet_length({part})::text || ':' || {part}" for part in parts)
    return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"


DIGEST = _framed(("salt", "coalesce(before::text, '')", "coalesce(after::text, '')"))
HASH = _framed(
    ("prev_hash", "(extract(epoch FROM at) * 1000000)::bigint::text", "actor", "action", "subject", "digest")
)


def record(actor: str, action: str, subject: str, before: Any = None, after: Any = None) -> int:
    """Note a change, in the transaction that makes it. Returns the entry's number.

    One entry at a time: each continues the chain of the one before it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_AUDIT])
        cursor.execute(
            f"""INSERT INTO crm_auditentry (at, actor, action, subject, before, after, salt, digest, prev_hash, hash)
                SELECT at, actor, action, subject, before, after, salt, digest, prev_hash, {HASH}
                FROM (SELECT new.*, {DIGEST} AS digest
                      FROM (SELECT %s::timestamptz AS at, %s AS actor, %s AS action, %s AS subject,
                              %s::jsonb AS before, %s::jsonb AS after,
                              replace(gen_random_uuid()::text, '-', '') AS salt,
                              coalesce((SELECT hash FROM crm_auditentry ORDER BY id DESC LIMIT 1), '') AS prev_hash
                           ) new) sealed
                RETURNING id""",  # noqa: S608 - our own column names
            [clock.now(), actor[:160], action[:80], subject[:160], _json(before), _json(after)],
        )
        return int(cursor.fetchone()[0])


def broken() -> list[tuple[Any, ...]]:
    """Entries that are not what was written, or whose predecessor is missing (invariant I7)."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            SELECT id, actor, action, 'audit entry altered, or one before it missing'
            FROM (SELECT *, lag(hash, 1, '') OVER (ORDER BY id) AS before_hash FROM crm_auditentry) e
            WHERE hash <> {HASH} OR prev_hash <> before_hash
               OR (CASE WHEN salt = '' THEN before IS NOT NULL OR after IS NOT NULL ELSE digest <> {DIGEST} END)
            ORDER BY id LIMIT 1000""")  # noqa: S608
        return list(cursor.fetchall())


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)
