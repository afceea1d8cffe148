"""By which receipt, or on what other ground, each message of advertising went: as the gate wrote it down then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from crm import directory, publicids

MONTHS_24: Final = timedelta(days=731)
HANDED: Final = """
SELECT m.id, m.counted_at, m.handed_at, m.channel, m.purpose, coalesce(m.context->'campaign'->>'name', ''),
       m.campaign_id, m.state, coalesce(a.medium, ''), coalesce(a.value, ''), coalesce(m.judged->>'basis', ''),
       (m.judged->>'receipt')::bigint, r.action, r.method, r.source, r.wording, r.occurred_at, r.hash
FROM channels_message m
LEFT JOIN crm_address a ON a.id = m.address_id
LEFT JOIN crm_consentreceipt r ON r.id = (m.judged->>'receipt')::bigint
WHERE m.contact_id = %s AND m.message_class = 'marketing' AND m.handed_at IS NOT NULL AND m.counted_at > %s
ORDER BY m.id DESC"""


def messages(contact_id: int, now: datetime, full: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - as the registry asks
    """The newest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(HANDED, [contact_id, now - MONTHS_24])
        return [_message(*row, full=full) for row in cursor.fetchall()]


def _message(
    number: int, at: datetime, handed: datetime, channel: str, purpose: str, campaign: str, campaign_id: int | None,
    state: str, medium: str, address: str, basis: str, receipt: int | None, action: str | None, method: str | None,
    source: str | None, wording: str | None, said: datetime | None, digest: str | None, *, full: bool,
) -> dict[str, Any]:  # fmt: skip
    kind = medium if medium in ("email", "phone") else ""
    return {
        "id": publicids.encode("msg", number),
        "at": at.isoformat(),
        "handed_at": handed.isoformat(),
        "channel": channel,
        "purpose": purpose,
        "campaign": campaign or (publicids.encode("cmp", campaign_id) if campaign_id else ""),
        "state": state,
        "address": address if full or not address else directory.masked(kind, address),
        "basis": basis,
        "receipt": publicids.encode("rcp", receipt) if receipt else "",
        "said": {
            "action": action, "method": method, "source": source, "wording": wording, "hash": digest,
            "occurred_at": said.isoformat() if said else None,
        } if receipt else None,
    }  # fmt: skip
