"""What carriers, links and people say about messages afterwards; always lists, one transaction.

Order inside it: the timeline first (an event that was told before changes nothing more),
then the address rows are locked, in id order (what a withdrawal and a hand-off lock too),
then suppression, consent, and last the messages themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import connection, transaction

from channels import leaving, states
from channels.types import DeliveryEvent
from crm import suppression, timeline, words

log = logging.getLogger(__name__)

SOFT_BOUNCES: Final = 5
SOFT_WINDOW: Final = timedelta(days=30)

_NAMES: Final = {
    "delivered": "Message Delivered", "bounced": "Message Bounced", "soft_bounced": "Message Bounced",
    "complained": "Message Complained", "unsubscribed": "Message Unsubscribed", "opened": "Message Opened",
    "clicked": "Message Clicked", "replied": "Message Replied",
}  # fmt: skip
# What an event proves about its message: somebody who opens it has got it.
_PROVES: Final = {
    "delivered": states.DELIVERED, "opened": states.DELIVERED, "clicked": states.DELIVERED,
    "replied": states.DELIVERED, "unsubscribed": states.DELIVERED, "bounced": states.BOUNCED,
    "complained": states.COMPLAINED,
}  # fmt: skip
_RANK: Final = (states.DELIVERED, states.BOUNCED, states.COMPLAINED)
_EVENT_CHANNEL: Final = {"email": "mail", "sms": "sms", "whatsapp": "whatsapp", "call": "call", "ads": "ads"}
_SUPPRESSES: Final = {"bounced": ("bounce", "hard_bounce"), "complained": ("complaint", "complaint")}

FIND: Final = """
SELECT m.id, m.provider_message_id, m.contact_id, m.address_id, coalesce(a.hash, m.address_hash), m.channel,
       coalesce(nullif(m.purpose, ''), CASE m.message_class WHEN 'service' THEN 'service' ELSE 'offers' END),
       m.campaign_id, m.run_id, m.step, m.state
FROM channels_message m LEFT JOIN crm_address a ON a.id = m.address_id
WHERE m.id = ANY(%s) OR (m.provider_message_id <> '' AND m.provider_message_id = ANY(%s))"""

MOVE: Final = """
UPDATE channels_message m SET state = new.state, settled_at = coalesce(m.settled_at, clock_timestamp())
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, state, before)
WHERE m.id = new.id AND m.state = new.before"""

HEALTH: Final = """
UPDATE crm_address SET health = new.health
FROM unnest(%s::bigint[], %s::text[]) AS new(id, health)
WHERE crm_address.id = new.id AND crm_address.health <> 'complaint'"""

SOFTEN: Final = """
UPDATE crm_address a
SET soft_bounces = CASE WHEN a.soft_bounced_at > %s THEN least(a.soft_bounces + new.times, 1000) ELSE new.times END,
    soft_bounced_at = %s
FROM unnest(%s::bigint[], %s::int[]) AS new(id, times)
WHERE a.id = new.id RETURNING a.id, a.soft_bounces"""


class Taken(StrEnum):
    """What became of one event. LATER: its message is still on the wire, tell it again."""

    DONE = "done"
    DUPLICATE = "duplicate"
    LATER = "later"
    UNKNOWN_MESSAGE = "unknown_message"


@dataclass(frozen=True)
class _Message:
    id: int
    provider_message_id: str
    contact_id: int
    address_id: int | None
    address_hash: str
    channel: str
    purpose: str
    campaign_id: int | None
    run_id: int | None
    step: str
    state: str


Pair = tuple[DeliveryEvent, _Message]


def receive(events: Sequence[DeliveryEvent], now: datetime) -> list[Taken]:
    """Take in what happened to messages. Answers per event, in order; the same event counts once."""
    with transaction.atomic():
        found = _find(events)
        verdicts = [_verdict(event, found.get(place)) for place, event in enumerate(events)]
        pairs = [(place, events[place], found[place]) for place, verdict in enumerate(verdicts) if verdict is None]
        told = timeline.record([_fact(event, message, now) for _, event, message in pairs], now=now)
        fresh: list[Pair] = []
        for (place, event, message), known in zip(pairs, told, strict=True):
            verdicts[place] = Taken.DONE if known is not None else Taken.DUPLICATE
            # A person's no is obeyed each time: a yes may have come in between.
            if known is not None or event.kind == "unsubscribed":
                fresh.append((event, message))
        _obey(fresh, now)
        _move(fresh)
    return [verdict or Taken.DONE for verdict in verdicts]


def _find(events: Sequence[DeliveryEvent]) -> dict[int, _Message]:
    """Place of an event → its message, by our id or by the carrier's."""
    numbers = [event.message_id for event in events if event.message_id is not None]
    names = [event.provider_message_id for event in events if event.provider_message_id]
    with connection.cursor() as cursor:
        cursor.execute(FIND, [numbers, names])
        rows = [_Message(*row) for row in cursor.fetchall()]
    by_number = {row.id: row for row in rows}
    by_name = {row.provider_message_id: row for row in rows if row.provider_message_id}
    found = {}
    for place, event in enumerate(events):
        row = by_name.get(event.provider_message_id) if event.message_id is None else by_number.get(event.message_id)
        if row is not None:
            found[place] = row
    return found


def _verdict(event: DeliveryEvent, message: _Message | None) -> Taken | None:
    """None: to be taken in now."""
    if message is None or event.kind not in _NAMES:
        return Taken.UNKNOWN_MESSAGE
    if event.kind == "unsubscribed":
        return None  # a no is obeyed whatever became of the message that carried the link
    if message.state in states.OPEN:
        return Taken.LATER
    return None if message.state in states.SENT else Taken.UNKNOWN_MESSAGE


def _fact(event: DeliveryEvent, message: _Message, now: datetime) -> timeline.NewFact:
    properties: dict[str, Any] = {
        "message_id": message.id, "run_id": message.run_id, "campaign_id": message.campaign_id,
        "step": message.step, "channel": message.channel, "machine": event.machine,
    }  # fmt: skip
    if _NAMES[event.kind] == "Message Bounced":
        properties["hard"] = event.kind == "bounced"
    for name in ("url", "link", "code", "scope"):
        if event.detail.get(name) not in (None, ""):
            properties[name] = event.detail[name]
    return timeline.NewFact(
        contact_id=message.contact_id,
        name=_NAMES[event.kind],
        properties=properties,
        occurred_at=min(event.at, now),
        event_id=f"delivery:{message.id}:{event.event_id}"[:200],
        channel=_EVENT_CHANNEL.get(message.channel, "other"),
        source="delivery",
        campaign_ref=message.campaign_id,
        # Scanners open and click everything: kept and flagged, but they start nothing (C28).
        historic=event.machine,
    )


def _obey(pairs: Sequence[Pair], now: datetime) -> None:
    """Suppressions and withdrawals that follow; the addresses are locked first, in id order."""
    said = [pair for pair in pairs if pair[0].kind in {"bounced", "soft_bounced", "complained", "unsubscribed"}]
    if not said:
        return
    leaving.lock([message.contact_id for _, message in said], [message.address_id for _, message in said])
    _suppress([pair for pair in said if pair[0].kind in _SUPPRESSES], now)
    _count_soft([message for event, message in said if event.kind == "soft_bounced"], now)
    leaving.withdraw(
        [
            leaving.Leave(
                message.id, message.contact_id, message.address_id, message.channel, message.purpose,
                scope=str(event.detail.get("scope") or "this"),
                method="complaint" if event.kind == "complained" else str(event.detail.get("method") or "one_click"),
                evidence=_evidence(event.detail),
            )
            for event, message in said
            if event.kind in {"complained", "unsubscribed"}
        ],
        now,
    )  # fmt: skip


def _suppress(pairs: Sequence[Pair], now: datetime) -> None:
    """A dead mailbox or a complaint ends writing to that address at once (C27)."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    health: dict[int, str] = {}
    for event, message in pairs:
        reason, word = _SUPPRESSES[event.kind]
        if message.address_id is not None:
            health[message.address_id] = word
        medium = words.MEDIUM.get(message.channel)
        if medium and message.address_hash:
            # A phone that takes no SMS may still be called; a dead mailbox is dead.
            channel = "" if medium == "email" else message.channel
            groups.setdefault((medium, reason, channel), []).append(message.address_hash)
    for (medium, reason, channel), hashes in sorted(groups.items()):
        suppression.suppress(medium, hashes, reason, channel=channel, source="delivery", now=now)
    # The health of an address speaks for all its channels, so only a mailbox's is set.
    mailboxes = {message.address_id for _, message in pairs if words.MEDIUM.get(message.channel) == "email"}
    _set_health({number: word for number, word in health.items() if number in mailboxes})


def _set_health(health: Mapping[int, str]) -> None:
    if health:
        with connection.cursor() as cursor:
            cursor.execute(HEALTH, [list(health), list(health.values())])


def _count_soft(messages: Sequence[_Message], now: datetime) -> None:
    """Five soft bounces within 30 days are a hard one."""
    times: dict[int, int] = {}
    by_address = {message.address_id: message for message in messages if message.address_id is not None}
    for message in messages:
        if message.address_id is not None:
            times[message.address_id] = times.get(message.address_id, 0) + 1
    if not times:
        return
    with connection.cursor() as cursor:
        cursor.execute(SOFTEN, [now - SOFT_WINDOW, now, list(times), list(times.values())])
        tired = [by_address[number] for number, count in cursor.fetchall() if count >= SOFT_BOUNCES]
    hard = DeliveryEvent(kind="bounced", at=now, event_id="")
    _suppress([(hard, message) for message in tired], now)


def _move(pairs: Iterable[Pair]) -> None:
    """The furthest state that these events prove of each message."""
    targets: dict[int, tuple[str, str]] = {}
    for event, message in pairs:
        target = _PROVES.get(event.kind)
        if target is None or target not in states.EDGES[message.state]:
            continue
        before = targets.get(message.id, ("", ""))[0]
        if not before or _RANK.index(target) > _RANK.index(before):
            targets[message.id] = (target, message.state)
    if targets:
        with connection.cursor() as cursor:
            rows = sorted((number, *move) for number, move in targets.items())
            cursor.execute(MOVE, [list(column) for column in zip(*rows, strict=True)])


def _evidence(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: detail[name] for name in ("user_agent", "feedback_type") if detail.get(name)}
