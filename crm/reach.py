"""Where a message would go: one address per contact and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from crm import standings, words


@dataclass(frozen=True)
class Reach:
    address_id: int
    hash: str
    value: str


def addresses(
    contact_ids: Sequence[int], channel: str, purpose: str, message_class: str, at: datetime
) -> dict[int, Reach]:
    """The address each contact would be written to: an allowed one first, then a verified one, then the oldest.

    A contact is missing from the answer when it has no address for the channel; whether
    the message may go is the question of `crm.consent` and of the gate. One query.
    """
    medium = words.MEDIUM.get(channel)
    if medium is None or not contact_ids:
        return {}
    purpose = standings.purpose_of(purpose, message_class)
    true, params = standings.condition(purpose, channel, message_class, at, addressed=True)
    # One contact at a time, so that a batch costs what the batch is, whatever the size of the base.
    sql = f"""
        SELECT asked.id, best.id, best.hash, best.value
        FROM unnest(%s::bigint[]) AS asked(id) CROSS JOIN LATERAL (
          SELECT a_.id, a_.hash, a_.value
          FROM crm_contact c_
          JOIN crm_identifier i_ ON i_.contact_id = c_.id
          JOIN crm_address a_ ON a_.id = i_.address_id AND a_.medium = %s
          LEFT JOIN crm_consentstate s_ ON s_.contact_id = c_.id AND s_.purpose = %s AND s_.channel = %s
               AND s_.address_id = a_.id
          WHERE c_.id = asked.id
          ORDER BY ({true}) DESC, (i_.verified_at IS NULL), i_.created_at, i_.id LIMIT 1) AS best"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(contact_ids), medium, purpose, channel, *params])
        return {row[0]: Reach(*row[1:]) for row in cursor.fetchall()}
