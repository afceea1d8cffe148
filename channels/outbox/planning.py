"""Asking for messages: the one way a row gets into the outbox, once per run, step, visit and slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

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
    "created_at": "timestamptz", "exclusion_group": "text",
}  # fmt: skip

EXISTING: Final = f"""
SELECT wanted.place, m.id
FROM {arrays.unnest({"place": "int", "run": "bigint", "step": "text", "visit": "int", "slot": "text"}, "wanted")}
JOIN channels_message m ON m.run_id = wanted.run AND m.step = wanted.step AND m.visit = wanted.visit
  AND m.slot = wanted.slot"""  # noqa: S608


class Planned(NamedTuple):
    """A message somebody wants sent. `(run_id, step, visit, slot)` names it for ever.

    `address_id` empty on a channel that has addresses: it ends as `no_address`. `edition`: at most
    one message per address within one scheduled edition. `due_at`, `expires_at`: business time.
    `context`: a mapping, or the text of a JSON object.
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
    context: Mapping[str, Any] | str | None = None
    address_id: int | None = None
    address_hash: str = ""
    account_id: int | None = None
    exclusion_group: str = ""


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
    known, ended = _insert(ids, planned, now)
    missed = [place for place, each in enumerate(ids) if each not in known]
    if missed:
        for place, existing in _existing([(place, planned[place]) for place in missed]):
            ids[place] = existing
            missed.remove(place)
    if missed:
        # The edition has this address already: the row says so, without the address's hash.
        doubles = [planned[place]._replace(address_hash="", edition=True) for place in missed]
        ended += _insert([ids[place] for place in missed], doubles, now, duplicate=True)[1]
    news.tell(ended, now)
    return ids


def _insert(
    ids: Sequence[int], planned: Sequence[Planned], now: datetime, *, duplicate: bool = False
) -> tuple[set[int], list[news.Ended]]:
    """Which of these ids were new, and those that end here. By columns: most are the same for everybody."""
    obstacles = ["duplicate_recipient" if duplicate else _obstacle(each) for each in planned]
    values = dict(zip(Planned._fields, zip(*planned, strict=True), strict=True))
    values["due_at"] = tuple(each or now for each in values["due_at"])
    values["context"] = tuple(dict(each) if isinstance(each, Mapping) else each for each in values["context"])
    values |= {
        "id": tuple(ids),
        "state": tuple(states.BLOCKED if obstacle else states.DUE for obstacle in obstacles),
        "reason": tuple(obstacles),
        "settled_at": tuple(clock.real() if obstacle else None for obstacle in obstacles),
        "created_at": (now,) * len(planned),
    }
    returned = arrays.insert_columns(
        "channels_message",
        COLUMNS,
        [values[name] for name in COLUMNS],
        conflict="DO NOTHING",
        returning="id",
    )
    new = {number for (number,) in returned}
    return new, [
        news.Ended(
            number, each.contact_id, each.campaign_id, each.run_id, each.step, each.channel, states.BLOCKED, why, None
        )
        for number, each, why in zip(ids, planned, obstacles, strict=True)
        if why and number in new
    ]


def _obstacle(planned: Planned) -> str:
    """Why this message will never go, as far as one can say now."""
    if planned.held_out:
        return "holdout_campaign"
    if planned.address_id is None and planned.channel in words.MEDIUM:
        return "no_address"
    return ""


def _new_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT nextval(s.name)
               FROM (SELECT pg_get_serial_sequence('channels_message', 'id')::regclass AS name OFFSET 0) AS s,
                    generate_series(1, %s)""",
            [count],
        )
        return [number for (number,) in cursor.fetchall()]


def _existing(wanted: list[tuple[int, Planned]]) -> list[tuple[int, int]]:
    rows = [(place, each.run_id, each.step, each.visit, each.slot) for place, each in wanted]
    with connection.cursor() as cursor:
        cursor.execute(EXISTING, arrays.parameters(rows, 5))
        return list(cursor.fetchall())
