"""What happens becomes rows of a queue, in the transaction in which it happens; where nobody listens, nothing.

Facts of the timeline come through a reactor (historic ones, and what imports bring, tell nothing), changes of
contacts through `crm.registry.change_listeners`, campaigns by `campaigns.lifecycle`. One statement for a batch,
whatever its size. Of people whose data is restricted only that itself is told.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from channels.models import WebhookDelivery
from channels.webhooks import endpoints, kinds
from crm import arrays, bell, clock, publicids
from crm.timeline import Fact

ROUND: Final = "channels.webhooks"

COLUMNS: Final = {
    "endpoint_id": "bigint", "event_id": "text", "kind": "text", "contact_id": "bigint", "payload": "text",
    "always": "boolean",
}  # fmt: skip
INSERT: Final = f"""
INSERT INTO channels_webhookdelivery (endpoint_id, event_id, kind, contact_id, payload, due_at)
SELECT e.id, new.event_id, new.kind, new.contact_id, new.payload, clock_timestamp()
FROM {arrays.unnest(COLUMNS)}
JOIN channels_webhookendpoint e ON e.id = new.endpoint_id AND e.active AND e.removed_at IS NULL
WHERE new.always OR NOT EXISTS (SELECT FROM crm_contact c WHERE c.id = new.contact_id AND c.restricted)
ORDER BY new.event_id COLLATE "C", e.id
ON CONFLICT (endpoint_id, event_id) DO NOTHING"""  # noqa: S608 - made of our own column names


@dataclass(frozen=True)
class News:
    """One thing to tell. `event_id` is what a receiver knows a repetition by; without any it gets one.
    `always`: also of somebody who is restricted."""

    kind: str
    data: Mapping[str, Any]
    at: datetime
    contact_id: int | None = None
    event_id: str = field(default_factory=lambda: f"whk_{uuid.uuid4().hex}")
    always: bool = False


def tell(news: Iterable[News]) -> None:
    """Rows for all who listen; in the transaction of the caller. Without listeners it costs nothing."""
    listeners = endpoints.listening()
    if not listeners:
        return
    rows = [
        (each.id, one.event_id, one.kind, one.contact_id, _payload(one), one.always)
        for one in news
        for each in listeners
        if kinds.hears(each.kinds, one.kind)
    ]
    for start in range(0, len(rows), arrays.BATCH):
        with connection.cursor() as cursor:
            cursor.execute(INSERT, arrays.parameters(rows[start : start + arrays.BATCH], len(COLUMNS)))
    if rows:
        bell.ring(ROUND)


def test(endpoint_id: int) -> WebhookDelivery:
    """One event for this endpoint alone, to see whether it arrives."""
    news = News(kinds.TEST, {"says": "Hello from Cauce"}, clock.now())
    row: WebhookDelivery = WebhookDelivery.objects.create(
        endpoint_id=endpoint_id, event_id=news.event_id, kind=news.kind, payload=_payload(news), due_at=clock.real()
    )
    bell.ring(ROUND)
    return row


def _payload(news: News) -> str:
    at = news.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    told = {"type": news.kind, "timestamp": at, "data": dict(news.data)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


# --- facts of the timeline -----------------------------------------------------------------------

_MESSAGES: Final = {
    "Message Sent": "message.sent", "Message Delivered": "message.delivered", "Message Opened": "message.opened",
    "Message Clicked": "message.clicked", "Message Bounced": "message.bounced",
    "Message Complained": "message.complained", "Message Skipped": "message.skipped",
    "Message Unsubscribed": "message.unsubscribed", "Message Replied": "message.replied",
}  # fmt: skip
# Where the row is that a fact speaks of, and what it calls its number: (table, property, facts).
_PROOFS: Final = (
    ("channels_message", "message_id", frozenset(_MESSAGES)),
    ("crm_consentreceipt", "receipt_id", frozenset({"Consent Changed"})),
)
_MESSAGE_IDS: Final = (("message", "msg", "message_id"), ("campaign", "cmp", "campaign_id"), ("run", "run", "run_id"))
_FACTS: Final = {
    "Contact Created": "contact.created", "Stage Changed": "contact.stage_changed",
    "Consent Changed": "consent.changed", **_MESSAGES,
}  # fmt: skip


def react(facts: list[Fact]) -> None:
    """The reactor: what is worth telling of these facts."""
    if not endpoints.listening():
        return
    known = [fact for fact in facts if not fact.historic and fact.name in _FACTS]
    tell([_of(fact) for fact in _genuine(known)])


def _genuine(facts: Sequence[Fact]) -> list[Fact]:
    """Without those that only call themselves so: anybody with a key may send an event of any name."""
    named = {fact.id: (table, _number(fact.properties.get(key))) for fact in facts
             for table, key, names in _PROOFS if fact.name in names}  # fmt: skip
    found: set[tuple[str, int, int]] = set()
    for table, _key, _names in _PROOFS:
        numbers = sorted({number for of, number in named.values() if of == table and number is not None})
        if numbers:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT id, contact_id FROM {table} WHERE id = ANY(%s)", [numbers])  # noqa: S608
                found |= {(table, number, contact) for number, contact in cursor.fetchall()}
    return [
        fact for fact in facts
        if fact.id not in named or (*named[fact.id], fact.contact_id) in found
    ]  # fmt: skip


def _of(fact: Fact) -> News:
    kind, told = _FACTS[fact.name], fact.properties
    data: dict[str, Any] = {"contact": publicids.encode("ctc", fact.contact_id)}
    if fact.name in _MESSAGES:
        data |= _message(told)
    elif kind == "contact.stage_changed":
        data |= {"from": told.get("from"), "to": told.get("to")}
    elif kind == "consent.changed":
        data |= {name: told.get(name) for name in ("purpose", "channel", "action", "state")}
        data["receipt"] = _id("rcp", told.get("receipt_id"))
    return News(kind, data, fact.occurred_at, fact.contact_id, publicids.encode("evt", fact.id))


def _message(told: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {name: _id(prefix, told.get(key)) for name, prefix, key in _MESSAGE_IDS}
    data |= {"step": told.get("step") or None, "channel": told.get("channel")}
    return data | {name: told[name] for name in ("hard", "reason") if name in told}


def _id(prefix: str, told: Any) -> str | None:
    number = _number(told)
    return None if number is None else publicids.encode(prefix, number)


def _number(told: Any) -> int | None:
    fits = isinstance(told, int) and not isinstance(told, bool) and 0 <= told < publicids.LIMIT
    return told if fits else None


# --- contacts ------------------------------------------------------------------------------------


def changed(changes: Mapping[int, Sequence[str]], now: datetime) -> None:
    """Of each contact, the names of what changed (`crm.registry.change_listeners`)."""
    if endpoints.listening():
        tell(
            [
                News("contact.updated", {"contact": publicids.encode("ctc", number), "changed": list(names)}, now,
                     number, always="restricted" in names)
                for number, names in changes.items()
            ]
        )  # fmt: skip


def joined(pairs: Sequence[tuple[int, int]]) -> None:
    """Two contacts became one: (loser, winner)."""
    if endpoints.listening():
        now = clock.now()
        tell([News("contact.merged", _joined(loser, winner), now, winner, always=True) for loser, winner in pairs])


def _joined(loser: int, winner: int) -> dict[str, str]:
    return {"contact": publicids.encode("ctc", winner), "merged": publicids.encode("ctc", loser)}


def erased(numbers: Sequence[int], now: datetime) -> None:
    """Nothing is left of these here. The row names nobody, so that it outlives the erasure."""
    if endpoints.listening():
        tell([News("contact.erased", {"contact": publicids.encode("ctc", each)}, now) for each in numbers])
