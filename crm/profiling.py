"""Whether anything may be worked out about somebody: stages today, scores tomorrow (GDPR art. 21, decision 33).

Only an explicit no stops it. The youngest word about the purpose `profiling` counts, on whichever channel it was said:
profiling has no channel of its own. Whoever said nothing is profiled; whoever is restricted is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection

PURPOSE: Final = "profiling"
# Over the column of a contact's number; two-valued. A yes that rests is as old as the yes, not as its pause.
REFUSED: Final = """EXISTS (
  SELECT FROM crm_consentstate no_ WHERE no_.contact_id = {0} AND no_.purpose = 'profiling'
    AND no_.state IN ('refused', 'withdrawn')
    AND NOT EXISTS (SELECT FROM crm_consentstate yes_ WHERE yes_.contact_id = {0} AND yes_.purpose = 'profiling'
                    AND yes_.state IN ('granted', 'soft', 'paused') AND no_.since < CASE
                      WHEN yes_.state <> 'paused' THEN yes_.since
                      ELSE (SELECT occurred_at FROM crm_consentreceipt WHERE id = yes_.receipt_id) END))"""
RESTRICTED: Final = "EXISTS (SELECT FROM crm_contact kept_ WHERE kept_.id = {0} AND kept_.restricted)"


def refused(contact_ids: Sequence[int]) -> dict[int, datetime]:
    """Who said no to being profiled, and since when. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT c.id, (SELECT max(s.since) FROM crm_consentstate s WHERE s.contact_id = c.id
                              AND s.purpose = 'profiling' AND s.state IN ('refused', 'withdrawn'))
                FROM unnest(%s::bigint[]) AS c(id) WHERE {REFUSED.format("c.id")}""",  # noqa: S608 - our own words
            [list(contact_ids)],
        )
        return dict(cursor.fetchall())
