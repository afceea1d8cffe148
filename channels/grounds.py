"""Why somebody got a message: what its hand-off rested on, for themselves and for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

# `judged` is what the gate let it through by (`channels.gate.passed_by`).
GROUND: Final = """
SELECT m.handed_at, coalesce(m.started_at, m.handed_at), m.judged->>'basis', r.occurred_at, r.method, r.source
FROM channels_message m
LEFT JOIN crm_consentreceipt r ON r.id = (m.judged->>'receipt')::bigint
WHERE m.id = %s"""


@dataclass(frozen=True)
class Ground:
    """When it went, on what basis, and what they had said, when and where."""

    sent_at: datetime | None
    basis: str
    said_at: datetime | None
    method: str
    source: str


def of(message_id: int) -> Ground | None:
    """None where the message is not there any more. One query."""
    with connection.cursor() as cursor:
        cursor.execute(GROUND, [message_id])
        row = cursor.fetchone()
    return Ground(row[0] or row[1], row[2] or "", row[3], row[4] or "", row[5] or "") if row else None
