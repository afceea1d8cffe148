"""Where a message would go: one address per contact and channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from crm import arrays, standings, words


class Reach(NamedTuple):
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
    # Only who has several addresses is asked which of them may be used: most have one.
    sql = f"""
        SELECT DISTINCT ON (a_.contact) a_.contact, a_.id, a_.hash, a_.value
        FROM (
          SELECT asked.id AS contact, own.*, count(*) OVER (PARTITION BY asked.id) > 1 AS several
          FROM unnest(%s::bigint[]) AS asked(id) CROSS JOIN LATERAL (
            SELECT a.id, a.medium, a.hash, a.value, a.health, i.verified_at, i.created_at, i.id AS identifier
            FROM crm_identifier i JOIN crm_address a ON a.id = i.address_id AND a.medium = i.kind
            WHERE i.contact_id = asked.id AND i.kind = %s OFFSET 0) AS own) AS a_
        ORDER BY a_.contact, CASE WHEN a_.several THEN (
            SELECT {true} FROM crm_contact c_
            LEFT JOIN crm_consentstate s_ ON s_.contact_id = c_.id AND s_.purpose = %s AND s_.channel = %s
                 AND s_.address_id = a_.id
            WHERE c_.id = a_.contact) END DESC,
          (a_.verified_at IS NULL), a_.created_at, a_.identifier"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [arrays.numbers(contact_ids), medium, *params, purpose, channel])
        return {row[0]: Reach._make(row[1:]) for row in cursor.fetchall()}
