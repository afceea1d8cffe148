"""Asking for messages: the one way a row gets into the outbox, once per run, step, visit and slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from channels import states
from channels.outbox import news
from crm import arrays, bell, clock, words

COLUMNS: Final = {
    "id": "bigint", "contact_id": "bigint", "address_id": "bigint", "address_hash": "text", "channel": "text",
    "account_id": "bigint", "content_id": "bigint", "campaign_id": "bigint", "run_id": "bigint", "step": "text",
    "visit": "int", "slot": "text", "entry": "text", "edition": "boolean", "held_out": "boolean",
    "message_class": "text", "purpose": "text", "priority": "smallint", "state": "text", "reason": "text",
    "due_at": "timestamptz", "expires_at": "timestamptz", "context": "jsonb", "settled_at": "timestamptz",
    "created_at": "timestamptz",
}  # fmt: skip

EXISTING: Final = f"""
SELECT wanted.place, m.id
FROM {arrays.unnest({"place": "int", "run": "bigint", "step": "text", "visit": "int", "slot": "text"}, "wanted")}
JOIN channels_message m ON m.run_id = wanted.run AND m.step = wanted.step AND m.visit = wanted.visit
  AND m.slot = wanted.slot"""  # noqa: S608


@dataclass(frozen=True)
class Planned:
    """A message somebody wants sent. `(run_id, step, visit, slot)` names it for ever.

    `address_id` empty on a channel that has addresses: it ends as `no_address`. `edition`: at most
    one message per address within one scheduled edition. `due_at`, `expires_at`: business time.
    """

    contact_id: int
    channel: str
    content_id: int | None
    campaign_id: int | None = None
    run_id: int | None = None
    step: str = ""
    visit: int = 1
    slot: str = ""
    entry: str = ""
    edition: bool = False
    held_out: bool = False
    message_class: str = "marketing"
    purpose: str = ""
    priority: int = 50
    due_at: datetime | None = None
    expires_at: datetime | None = None
    context: Mapping[str, Any] | None = None
    address_id: int | None = None
    address_hash: str = ""
    account_id: int | None = None


def enqueue(planned: Sequence[Planned], now: datetime) -> list[int]:
    """Write the messages into the outbox, in the caller's transaction. Answers their ids in order.

    What was asked for before keeps its row and its id. What may not go at all (held out, no
    address, an address that this edition has already) ends at once, and the timeline is told.
    """
    ids: list[int] = []
    with transaction.atomic():
        for start in range(0, len(planned), arrays.BATCH):
            ids += _enqueue(planned[start : start + arrays.BATCH], now)
        if ids:
            bell.ring("channels.deliver")
    return ids


def _enqueue(planned: Sequence[Planned], now: datetime) -> list[int]:
    ids = _new_ids(len(planned))
    ended = _insert(list(zip(ids, planned, strict=True)), now)
    known = {row[0] for row in ended}
    missed = [place for place, each in enumerate(ids) if each not in known]
    if missed:
        for place, existing in _existing([(place, planned[place]) for place in missed]):
            ids[place] = existing
            missed.remove(place)
    if missed:
        # The edition has this address already: the row says so, without the address's hash.
        doubles = [(ids[place], replace(planned[place], address_hash="", edition=True)) for place in missed]
        ended += _insert(doubles, now, duplicate=True)
    news.tell([news.Ended(*row) for row in ended], now)
    return ids


def _insert(pairs: list[tuple[int, Planned]], now: datetime, *, duplicate: bool = False) -> list[tuple[Any, ...]]:
    rows = [_row(number, each, now, "duplicate_recipient" if duplicate else _obstacle(each)) for number, each in pairs]
    return arrays.insert("channels_message AS m", COLUMNS, rows, conflict="DO NOTHING", returning=news.COLUMNS)


def _obstacle(planned: Planned) -> str:
    """Why this message will never go, as far as one can say now."""
    if planned.held_out:
        return "holdout_campaign"
    if planned.channel in words.MEDIUM and planned.address_id is None:
        return "no_address"
    return ""


def _row(number: int, planned: Planned, now: datetime, obstacle: str) -> tuple[Any, ...]:
    return (
        number, planned.contact_id, planned.address_id, planned.address_hash, planned.channel,
        planned.account_id, planned.content_id, planned.campaign_id, planned.run_id, planned.step,
        planned.visit, planned.slot, planned.entry, planned.edition, planned.held_out,
        planned.message_class, planned.purpose, planned.priority,
        states.BLOCKED if obstacle else states.DUE, obstacle, planned.due_at or now, planned.expires_at,
        dict(planned.context) if planned.context is not None else None, clock.real() if obstacle else None, now,
    )  # fmt: skip


def _new_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('channels_message', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [number for (number,) in cursor.fetchall()]


def _existing(wanted: list[tuple[int, Planned]]) -> list[tuple[int, int]]:
    rows = [(place, each.run_id, each.step, each.visit, each.slot) for place, each in wanted]
    with connection.cursor() as cursor:
        cursor.execute(EXISTING, arrays.parameters(rows, 5))
        return list(cursor.fetchall())
