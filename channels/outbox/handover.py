"""Second transaction: everything is checked again under the locks, and the intent is made durable.

Lock order of the whole house: campaign, contacts in id order, addresses in id order, messages. The
number of queries is the same for one message and for fifty. A message that goes is reserved for the
contact's cap at once, so two workers cannot both use the last place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from channels import gate, limits, states, vetoes
from channels.outbox import news
from channels.outbox.claims import Letter
from channels.outbox.revocation import PAUSED
from channels.outbox.writing import Ready
from channels.types import Defer, Go, Refuse, Verdict
from crm import arrays, consent, partitions, whereabouts

LOCK_CAMPAIGNS: Final = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest(%s::bigint[]) AS key"
LOCK_ADDRESSES: Final = "SELECT id FROM crm_address WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# When somebody last wrote to us there: free words may follow within a day.
INBOUND: Final = """
SELECT contact_id, max(occurred_at) FROM crm_event
WHERE contact_id = ANY(%s) AND name = 'Message Replied' AND channel = 'whatsapp' AND occurred_at > %s
GROUP BY contact_id"""
INBOUND_DAYS: Final = 2
# A rival that is due within this time may go first.
SOON: Final = timedelta(hours=1)

GOING: Final = {"id": "bigint", "slots": "jsonb", "judged": "jsonb", "parts": "int"}
HAND_OVER: Final = f"""
WITH current AS MATERIALIZED (
  SELECT cauce_epoch() AS epoch, account.id, account.cost FROM channels_account account WHERE account.id = %s
)
UPDATE channels_message m
SET state = 'handing_off', reason = '', reason_detail = NULL, epoch = current.epoch, slots = v.slots,
    judged = v.judged, account_id = current.id, cost = current.cost * v.parts, counted_at = %s,
    handed_at = clock_timestamp(),
    started_at = CASE WHEN %s THEN NULL ELSE clock_timestamp() END,
    lease_until = clock_timestamp() + make_interval(secs => %s)
FROM {arrays.unnest(GOING, "v")}, current
WHERE m.id = v.id AND m.lease = %s AND m.state = 'claimed'
RETURNING m.id"""  # noqa: S608

TURNED: Final = {"id": "bigint", "state": "text", "reason": "text", "detail": "jsonb", "due_at": "timestamptz"}
# A doubtful message may have gone already: it never ends as one that did not.
TURN_AWAY: Final = f"""
UPDATE channels_message m
SET state = CASE WHEN m.doubtful AND v.state IN ('blocked', 'expired') THEN 'unknown' ELSE v.state END,
    reason = v.reason, reason_detail = v.detail, due_at = coalesce(v.due_at, m.due_at), lease = NULL,
    lease_until = NULL, settled_at = CASE WHEN v.state IN ('due', 'planned') THEN NULL ELSE clock_timestamp() END
FROM {arrays.unnest(TURNED, "v")}
WHERE m.id = v.id AND m.lease = %s AND m.state = 'claimed'
RETURNING {news.COLUMNS}"""  # noqa: S608


@dataclass(frozen=True)
class _Seen:
    """What the locks and the queries of one batch showed."""

    people: dict[int, whereabouts.Person]
    vetoed: dict[int, str]
    standings: dict[Any, consent.Standing]
    counted: dict[int, list[gate.Counted]]
    rivals: dict[int, int]
    inbound: dict[int, datetime]
    wished: dict[int, gate.Cap]


def hand_over(batch: Sequence[Ready], *, lease: UUID, account_id: int, now: datetime) -> list[Ready]:
    """Those of the batch whose turn has come; their intent is on disk when this returns.

    The others are deferred, held or ended with their reason in the same transaction.
    """
    if not batch:
        return []
    with transaction.atomic():
        people = _lock([ready.letter for ready in batch])
        house = limits.house()
        seen = _look([ready.letter for ready in batch], people, house, now)
        going: list[tuple[Ready, dict[str, Any]]] = []
        turned: list[tuple[Letter, Defer | Refuse]] = []
        # Where a contact has room for some of them only, the most important goes.
        for ready in sorted(batch, key=lambda each: (-each.letter.priority, each.letter.due_at, each.letter.id)):
            verdict, proof = _judge(ready, seen, house, now)
            if isinstance(verdict, Go):
                going.append((ready, proof))
            else:
                turned.append((ready.letter, verdict))
        gone = _write_going(going, lease, account_id, now)
        _turn_away(turned, lease, now)
    return [ready for ready in batch if ready.letter.id in gone]


def turn_away(turned: Sequence[tuple[Letter, Defer | Refuse]], *, lease: UUID, now: datetime) -> None:
    """End or put off claimed messages that never came to their hand-off."""
    with transaction.atomic():
        _turn_away(turned, lease, now)


def _lock(letters: Sequence[Letter]) -> dict[int, whereabouts.Person]:
    campaigns = sorted({each.campaign_id for each in letters if each.campaign_id is not None})
    addresses = sorted({each.address_id for each in letters if each.address_id is not None})
    with connection.cursor() as cursor:
        if campaigns:
            cursor.execute(LOCK_CAMPAIGNS, [[partitions.LOCK_CAMPAIGN + each for each in campaigns]])
        people = whereabouts.lock([each.contact_id for each in letters])
        cursor.execute(LOCK_ADDRESSES, [addresses])
    return people


def _look(letters: Sequence[Letter], people: dict[int, whereabouts.Person], house: gate.House, now: datetime) -> _Seen:
    """Statements of their own after the locks, so that they see what was committed before them."""
    contacts = sorted({each.contact_id for each in letters if each.message_class == gate.MARKETING})
    grouped = [each.id for each in letters if each.exclusion_group and each.message_class == gate.MARKETING]
    wished = limits.wished(contacts)
    return _Seen(
        people=people,
        vetoed=vetoes.ask([each.id for each in letters], now),
        standings=consent.standings(list({_key(each): None for each in letters})),
        counted=limits.counted(contacts, house, now, wished.values()),
        rivals=limits.rivals(grouped, now + SOON, now),
        inbound=_inbound(sorted({each.contact_id for each in letters if each.channel == "whatsapp"}), now),
        wished=wished,
    )


def _inbound(contacts: Sequence[int], now: datetime) -> dict[int, datetime]:
    if not contacts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(INBOUND, [list(contacts), now - timedelta(days=INBOUND_DAYS)])
        return dict(cursor.fetchall())


def _judge(ready: Ready, seen: _Seen, house: gate.House, now: datetime) -> tuple[Verdict, dict[str, Any]]:
    letter = ready.letter
    counted = seen.counted.setdefault(letter.contact_id, [])
    facts = _facts(ready, seen, counted)
    verdict = gate.judge(facts, house, now)
    if not isinstance(verdict, Go):
        return verdict, {}
    if letter.message_class == gate.MARKETING:
        counted.append(gate.Counted(now, letter.channel, letter.purpose, letter.exclusion_group, letter.campaign_id))
    # Whose cap it was: a later merge gives the message to somebody else.
    return verdict, {"contact": letter.contact_id, **gate.passed_by(facts, house, now)}


def _facts(ready: Ready, seen: _Seen, counted: Sequence[gate.Counted]) -> gate.Facts:
    letter = ready.letter
    person = seen.people.get(letter.contact_id, whereabouts.NOBODY)
    place, zones = person.place(letter.recipient), person.zones(letter.recipient)
    return gate.Facts(
        channel=letter.channel,
        message_class=letter.message_class,
        standing=seen.standings[_key(letter)],
        zone=person.zone,
        veto=seen.vetoed.get(letter.id, ""),
        held_out=letter.held_out,
        expires_at=letter.expires_at,
        counted=counted,
        purpose=letter.purpose,
        country=place.country,
        region=place.region,
        zones=zones,
        campaign=letter.campaign_id,
        group=letter.exclusion_group,
        rival=seen.rivals.get(letter.id),
        when_quiet=limits.when_quiet(letter.context),
        inbound_at=seen.inbound.get(letter.contact_id),
        template=bool(ready.outgoing.body.get("template")),
        wish=seen.wished.get(letter.contact_id),
    )


def _key(letter: Letter) -> tuple[int, int | None, str, str]:
    purpose = consent.purpose_of(letter.purpose, letter.message_class)
    return letter.contact_id, letter.address_id, purpose, letter.channel


def _write_going(
    going: Sequence[tuple[Ready, dict[str, Any]]], lease: UUID, account_id: int, now: datetime
) -> frozenset[int]:
    if not going:
        return frozenset()
    rows = [(ready.letter.id, dict(ready.slots), proof, ready.parts) for ready, proof in going]
    with connection.cursor() as cursor:
        cursor.execute(
            HAND_OVER,
            [account_id, now, settings.HANDOFF_MARKS, settings.LEASE_SECONDS,
             *arrays.parameters(rows, len(GOING)), str(lease)],
        )  # fmt: skip
        return frozenset(number for (number,) in cursor.fetchall())


def _turn_away(turned: Sequence[tuple[Letter, Defer | Refuse]], lease: UUID, now: datetime) -> None:
    if not turned:
        return
    rows = [(letter.id, *_turned(verdict)) for letter, verdict in turned]
    with connection.cursor() as cursor:
        cursor.execute(TURN_AWAY, [*arrays.parameters(rows, len(TURNED)), str(lease)])
        ended = [news.Ended(*row) for row in cursor.fetchall()]
    news.tell(ended, now)


def _turned(verdict: Defer | Refuse) -> tuple[str, str, str | None, datetime | None]:
    detail = json.dumps(dict(verdict.detail)) if verdict.detail else None
    if isinstance(verdict, Defer):
        return states.DUE, verdict.reason, detail, verdict.until
    if verdict.reason == PAUSED:
        return states.PLANNED, PAUSED, detail, None
    return (states.EXPIRED if verdict.expired else states.BLOCKED), verdict.reason, detail, None
