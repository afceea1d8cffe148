"""First transaction: a worker takes what is due, under a lease that nobody else can use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection

# What leaves also while an account is paused; as it stands in the index `message_due_promised`.
PROMISED: Final = "AND message_class <> 'marketing'"
# Losing this commit in a crash leaves the row due, so it need not wait for the disk.
_CLAIM: Final = """
SET LOCAL synchronous_commit TO off;
WITH picked AS (
  SELECT id, address_id FROM channels_message
  WHERE state = 'due' AND channel = %(channel)s AND due_at <= %(now)s
    AND (account_id = %(account)s OR (account_id IS NULL AND %(default)s)) {}
  ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE channels_message m
SET state = 'claimed', lease = %(lease)s, claims = least(m.claims + 1, 32000),
    lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM picked LEFT JOIN crm_address a ON a.id = picked.address_id WHERE m.id = picked.id
RETURNING m.id, m.contact_id, m.address_id, m.channel, m.content_id, m.campaign_id, m.entry, m.context,
  coalesce(a.value, ''), m.message_class, m.purpose, m.held_out, m.priority, m.due_at, m.expires_at, m.attempts,
  m.exclusion_group"""
CLAIM: Final = {False: _CLAIM.format(""), True: _CLAIM.format(PROMISED)}

_WAITING: Final = """
SELECT channel FROM unnest(%s::text[]) AS channel
WHERE EXISTS (SELECT FROM channels_message m
              WHERE m.state = 'due' AND m.channel = channel.channel AND m.due_at <= %s {})"""
WAITING: Final = {False: _WAITING.format(""), True: _WAITING.format(PROMISED)}


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed message: what rendering and the gate must know of it."""

    id: int
    contact_id: int
    address_id: int | None
    channel: str
    content_id: int | None
    campaign_id: int | None
    entry: str
    context: Mapping[str, Any] | None
    recipient: str
    message_class: str
    purpose: str
    held_out: bool
    priority: int
    due_at: datetime
    expires_at: datetime | None
    attempts: int
    exclusion_group: str = ""


def waiting(channels: Sequence[str], now: datetime, *, promised: bool = False) -> frozenset[str]:
    """The channels that have anything due, or (`promised`) anything that is no marketing. One query at most."""
    if not channels:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(WAITING[promised], [list(channels), now])
        return frozenset(channel for (channel,) in cursor.fetchall())


def claim(
    *, channel: str, account_id: int, default: bool, limit: int, lease: UUID, now: datetime, promised: bool = False
) -> list[Letter]:
    """Take at most `limit` due messages of one account, in the order in which they were asked for; `promised`: no
    marketing."""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM[promised],
            {"channel": channel, "now": now, "account": account_id, "default": default, "limit": limit,
             "lease": str(lease), "seconds": settings.LEASE_SECONDS},
        )  # fmt: skip
        return sorted((Letter(*row) for row in cursor.fetchall()), key=lambda letter: letter.id)


def give_back(lease: UUID) -> int:
    """Let go of what was claimed and not handed over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_message SET state = 'due', lease = NULL, lease_until = NULL"
            " WHERE lease = %s AND state = 'claimed' AND lease_until IS NOT NULL",
            [str(lease)],
        )
        return int(cursor.rowcount)
