"""Third transaction: what the carrier said becomes states, attempts and events, a batch at a time.

Until then each outcome stands on the row of the next message, written with that one's mark, so a
worker that is killed loses at most the one it was talking about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from channels.outbox import news
from channels.outbox.endings import Ending, ending
from channels.types import Outcome, Receipt
from crm import arrays, suppression, words

SETTLED: Final = {
    "id": "bigint", "state": "text", "reason": "text", "detail": "jsonb", "due_at": "timestamptz", "counts": "smallint",
    "doubtful": "boolean", "provider_id": "text", "started": "timestamptz",
}  # fmt: skip
SETTLE: Final = f"""
UPDATE channels_message m
SET state = CASE WHEN m.doubtful AND v.state = 'failed' THEN 'unknown' ELSE v.state END,
    reason = v.reason, reason_detail = v.detail, due_at = coalesce(v.due_at, m.due_at),
    attempts = m.attempts + v.counts, doubtful = m.doubtful OR v.doubtful, provider_message_id = v.provider_id,
    receipt = NULL, lease = NULL, lease_until = NULL,
    started_at = CASE WHEN v.state = 'due' THEN NULL ELSE coalesce(m.started_at, v.started) END,
    handed_at = CASE WHEN v.state = 'due' THEN NULL ELSE m.handed_at END,
    counted_at = CASE WHEN v.state IN ('due', 'failed') AND NOT (m.doubtful OR v.doubtful)
                 THEN NULL ELSE m.counted_at END,
    settled_at = CASE WHEN v.state = 'due' THEN NULL ELSE clock_timestamp() END
FROM {arrays.unnest(SETTLED, "v")}
WHERE m.id = v.id AND m.lease = %s AND m.state = 'handing_off'
RETURNING {news.COLUMNS}, m.attempts, m.account_id, m.address_hash"""  # noqa: S608

ATTEMPTS: Final = {
    "message_id": "bigint", "n": "smallint", "account_id": "bigint", "started_at": "timestamptz",
    "finished_at": "timestamptz", "outcome": "text", "code": "text", "detail": "text",
}  # fmt: skip
KEPT: Final = {
    "message_id": "bigint", "channel": "text", "recipient": "text", "subject": "text", "text": "text", "html": "text",
    "headers": "jsonb", "at": "timestamptz",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One network call that is over. `attempts`: how many the message had before it."""

    message_id: int
    attempts: int
    receipt: Receipt
    started_at: datetime | None
    finished_at: datetime


def settle(results: Sequence[Result], *, lease: UUID, idempotent: bool, now: datetime) -> int:
    """Write what became of these messages. Those whose lease somebody else has by now are left alone."""
    if not results:
        return 0
    ends = {each.message_id: ending(each.receipt, each.attempts, idempotent=idempotent, now=now) for each in results}
    with transaction.atomic():
        rows = _settle(results, ends, lease)
        mine = {row[0]: row for row in rows}
        settled = [each for each in results if each.message_id in mine]
        _note_attempts(settled, ends, mine)
        _keep([each for each in settled if each.receipt.kept is not None], mine, now)
        _suppress([each for each in settled if each.receipt.address_dead], mine, now)
        news.tell([news.Ended(*row[:9]) for row in rows], now)
    return len(rows)


def as_json(result: Result) -> str:
    """A result as it stands on the next message's row until it is settled."""
    receipt = result.receipt
    values: dict[str, Any] = {"of": result.message_id, "outcome": receipt.outcome.value}
    for name in ("provider_message_id", "code", "detail", "retry_after", "address_dead"):
        value = getattr(receipt, name)
        # Nobody reads the words of a yes (`_note_attempts`).
        if value and not (name == "detail" and receipt.outcome is Outcome.ACCEPTED):
            values[name] = value
    if receipt.kept is not None:
        values["kept"] = dict(receipt.kept)
    return arrays.as_json(values).replace("\\u0000", "")


def from_json(values: dict[str, Any]) -> Receipt:
    """The receipt in what `as_json` wrote."""
    given = {name: value for name, value in values.items() if name != "of"}
    return Receipt(**{**given, "outcome": Outcome(values["outcome"])})


def _settle(results: Sequence[Result], ends: dict[int, Ending], lease: UUID) -> list[tuple[Any, ...]]:
    rows = []
    for each in results:
        end = ends[each.message_id]
        detail = json.dumps(dict(end.detail)).replace("\\u0000", "") if end.detail else None
        rows.append(
            (each.message_id, end.state, end.reason, detail, end.due_at, int(end.attempted), end.doubtful,
             each.receipt.provider_message_id.replace("\0", "")[:200], each.started_at)
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [*arrays.parameters(rows, len(SETTLED)), str(lease)])
        return list(cursor.fetchall())


def _note_attempts(settled: Sequence[Result], ends: dict[int, Ending], rows: dict[int, tuple[Any, ...]]) -> None:
    arrays.insert(
        "channels_attempt",
        ATTEMPTS,
        [
            (each.message_id, rows[each.message_id][9], rows[each.message_id][10], each.started_at or each.finished_at,
             each.finished_at, each.receipt.outcome.value, _clean(each.receipt.code, 40),
             "" if each.receipt.outcome is Outcome.ACCEPTED else _clean(each.receipt.detail, 500))
            for each in settled
            if ends[each.message_id].attempted
        ],
    )  # fmt: skip


def _keep(kept: Sequence[Result], rows: dict[int, tuple[Any, ...]], now: datetime) -> None:
    """What a sandbox shows: once per message."""
    values = []
    for each in kept:
        shown = each.receipt.kept or {}
        values.append(
            (each.message_id, rows[each.message_id][5], shown.get("recipient", "")[:320],
             shown.get("subject", "")[:998], shown.get("text", ""), shown.get("html", ""),
             dict(shown.get("headers", {})), now)
        )  # fmt: skip
    arrays.insert("channels_sandboxmessage", KEPT, values, conflict="(message_id) DO NOTHING")


def _suppress(dead: Sequence[Result], rows: dict[int, tuple[Any, ...]], now: datetime) -> None:
    """A mailbox that does not exist is not written to again, on any channel of its medium (C27)."""
    hashes: dict[str, list[str]] = {}
    for each in dead:
        row = rows[each.message_id]
        medium = words.MEDIUM.get(row[5])
        if medium and row[11]:
            hashes.setdefault(medium, []).append(row[11])
    for medium, found in hashes.items():
        suppression.suppress(medium, found, "invalid", source="carrier", now=now)


def _clean(text: str, most: int) -> str:
    return text.replace("\0", "")[:most]
