"""An address that its holder has proved to be theirs."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from crm.identity import rows


def verify(contact_id: int, address_id: int, now: datetime) -> None:
    """They answered from there; the first proof counts. In the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_identifier SET verified_at = %s
               WHERE contact_id = %s AND address_id = %s AND verified_at IS NULL RETURNING kind""",
            [now, contact_id, address_id],
        )
        kinds = [kind for (kind,) in cursor.fetchall()]
    rows.mark_dirty([(contact_id, f"identifier.{kind}") for kind in kinds])
