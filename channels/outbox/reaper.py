"""Leases that ran out: their worker is dead, stopped, or too slow, and may not write any more.

claimed → due. Handed over: with a receipt, what that says; started, or of an epoch that a crash of
PostgreSQL ended (its marks may be lost), `unknown`, unless the carrier may be asked twice; else it
was not on the wire: due.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from channels import accounts
from channels.outbox import news, settlement
from crm import clock

LIMIT: Final = 500

# Whose outcome stands on the row of the message after it.
ANSWERED: Final = """
SELECT m.id, m.lease, m.attempts, next.receipt::text::json, m.started_at, m.account_id = ANY(%s)
FROM channels_message m
JOIN channels_message next ON next.state = 'handing_off' AND next.lease = m.lease
  AND next.receipt IS NOT NULL AND (next.receipt->>'of')::bigint = m.id
WHERE m.state = 'handing_off' AND m.lease_until < clock_timestamp()
ORDER BY m.id LIMIT %s FOR UPDATE OF m SKIP LOCKED"""

# Left for the next turn: those whose own outcome, or that of the one before, is still to be settled.
# `gone`: it may have been on the wire. The answer is the row as it was found.
REAP: Final = f"""
WITH late AS (
  SELECT id, state AS was, started_at, handed_at, account_id, attempts,
         state = 'handing_off' AND (started_at IS NOT NULL OR epoch IS DISTINCT FROM cauce_epoch()) AS gone,
         coalesce(account_id = ANY(%s), false) AS twice
  FROM channels_message m
  WHERE state IN ('claimed', 'handing_off') AND lease_until < clock_timestamp()
    AND NOT EXISTS (SELECT FROM channels_message next WHERE next.state = 'handing_off' AND next.lease = m.lease
      AND next.receipt IS NOT NULL AND (next.receipt->>'of')::bigint = m.id)
    AND NOT EXISTS (SELECT FROM channels_message prev WHERE prev.id = (m.receipt->>'of')::bigint
      AND prev.lease = m.lease AND prev.state = 'handing_off')
  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
), reaped AS (
  UPDATE channels_message m
  SET state = CASE WHEN late.gone AND NOT late.twice THEN 'unknown' ELSE 'due' END,
      reason = CASE WHEN late.gone AND NOT late.twice THEN 'unknown' ELSE '' END,
      lease = NULL, lease_until = NULL, receipt = NULL,
      doubtful = m.doubtful OR (late.gone AND late.twice),
      attempts = m.attempts + CASE WHEN late.gone THEN 1 ELSE 0 END,
      started_at = CASE WHEN late.gone AND NOT late.twice THEN coalesce(m.started_at, m.handed_at) END,
      handed_at = CASE WHEN late.gone THEN m.handed_at END,
      counted_at = CASE WHEN late.gone THEN m.counted_at END,
      settled_at = CASE WHEN late.gone AND NOT late.twice THEN clock_timestamp() END
  FROM late WHERE m.id = late.id
  RETURNING {news.COLUMNS}, late.gone, m.attempts, late.account_id, coalesce(late.started_at, late.handed_at) AS began
), noted AS (
  INSERT INTO channels_attempt (message_id, n, account_id, started_at, finished_at, outcome)
  SELECT id, attempts, account_id, began, NULL, 'unknown' FROM reaped WHERE gone
)
SELECT * FROM reaped"""  # noqa: S608

PENDING: Final = """
SELECT count(*) FROM (SELECT FROM channels_message
  WHERE state IN ('claimed', 'handing_off') AND lease_until < clock_timestamp() LIMIT 1000) AS late"""


def reap() -> int:
    """Take back what nobody holds any more. Returns how many messages moved."""
    with transaction.atomic():
        twice = accounts.idempotent_ids()
        count = _answered(twice)
        with connection.cursor() as cursor:
            cursor.execute(REAP, [twice, LIMIT])
            rows = cursor.fetchall()
        news.tell([news.Ended(*row[:9]) for row in rows], clock.now())
    return count + len(rows)


def pending() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PENDING)
        return int(cursor.fetchone()[0])


def _answered(twice: list[int]) -> int:
    """Messages whose outcome was written before their worker went."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [twice, LIMIT])
        rows = cursor.fetchall()
    batches: dict[tuple[UUID, bool], list[settlement.Result]] = {}
    for number, lease, attempts, receipt, started_at, may_twice in rows:
        result = _result(number, attempts, receipt, started_at)
        batches.setdefault((lease, bool(may_twice)), []).append(result)
    return sum(
        settlement.settle(results, lease=lease, idempotent=idempotent, now=clock.now())
        for (lease, idempotent), results in batches.items()
    )


def _result(number: int, attempts: int, receipt: dict[str, Any], started_at: datetime | None) -> settlement.Result:
    return settlement.Result(number, attempts, settlement.from_json(receipt), started_at, clock.real())
