"""Taking back what has not left: from every queue, and from batches that are not on the wire yet.

Upper floors revoke in their own transaction, withdrawals in theirs (decisions A1, B7): once that
has committed, nothing it covers is sent, because the start mark finds the row gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from channels import states
from channels.outbox import news
from crm import bell, clock
from crm.permission import Withdrawal

PAUSED: Final = "paused"
# From so many withdrawals at once it is asked first what is queued at all.
FEW: Final = 8
# Reasons that forbid the message; every other one is a change of mind about it.
_FORBIDS: Final = ("consent_", "channel_suppressed_", "no_address", "no_device", "contact_removed", "holdout_",
                   "legal_rule", "quiet_hours", "cap", "lost_to", "budget", "validation_failed",
                   "duplicate_recipient", "offer_expired", "out_of_stock")  # fmt: skip

# A row of a batch is provably not on the wire only while its epoch stands: a crash of PostgreSQL
# may have lost its mark (decision C1). The others are the reaper's.
REACHABLE: Final = f"""(state IN ({", ".join(f"'{each}'" for each in states.QUEUED)})
  OR (state = '{states.HANDING_OFF}' AND started_at IS NULL AND epoch = (SELECT epoch FROM channels_epoch)))"""  # noqa: S608

REVOKE: Final = """
WITH chosen AS (SELECT id FROM channels_message WHERE {where} AND {reachable} ORDER BY id FOR UPDATE)
UPDATE channels_message m
SET state = CASE WHEN m.doubtful AND %s <> 'planned' THEN 'unknown' ELSE %s END,
    reason = %s, reason_detail = %s::jsonb, lease = NULL, lease_until = NULL, handed_at = NULL, counted_at = NULL,
    judged = NULL, settled_at = CASE WHEN %s = 'planned' THEN NULL ELSE clock_timestamp() END
FROM chosen WHERE m.id = chosen.id
RETURNING {columns}"""

RESUME: Final = """
UPDATE channels_message SET state = 'due', reason = '', due_at = due_at + make_interval(secs => %s),
  expires_at = expires_at + make_interval(secs => %s)
WHERE campaign_id = %s AND state = 'planned' AND reason = 'paused'"""


@dataclass(frozen=True)
class _Scope:
    where: str
    params: tuple[Any, ...]


def revoke(
    *,
    run_ids: Sequence[int] | None = None,
    campaign_id: int | None = None,
    contact_ids: Sequence[int] | None = None,
    address_ids: Sequence[int] | None = None,
    channel: str | None = None,
    reason: str,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> int:
    """Take back all that is queued or not started and fits every scope given. Returns how many.

    `reason` is one of the closed list; `paused` holds the messages until `resume`. Each of the
    others ends its message, and the timeline is told so that its run goes on.
    """
    scope = _scope(run_ids=run_ids, campaign_id=campaign_id, contact_ids=contact_ids,
                   address_ids=address_ids, channel=channel)  # fmt: skip
    return _revoke(scope, _state_of(reason), reason, detail, now)


def resume(campaign_id: int, span: timedelta, now: datetime) -> int:
    """Let go of what a pause holds; the time it was paused counts for nothing (decision B7)."""
    del now
    seconds = span.total_seconds()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RESUME, [seconds, seconds, campaign_id])
        bell.ring("channels.deliver")
        return int(cursor.rowcount)


def stop(contact_ids: Sequence[int], now: datetime) -> None:
    """Nothing goes to these people any more, of whatever kind: they are restricted, or about to be erased."""
    revoke(contact_ids=contact_ids, reason="contact_removed", now=now)


def obey_withdrawals(withdrawals: Sequence[Withdrawal]) -> None:
    """Block what is queued for those who have just taken a permission away (in their transaction).

    A withdrawal that names an address holds for it on every profile.
    """
    for each in _concerned(withdrawals):
        by, who = ("address_id", each.address_id) if each.address_id else ("contact_id", each.contact_id)
        asks = "(message_class = 'service' OR (message_class = 'marketing' AND purpose = 'service'))"
        if each.purpose != "service":
            asks = "message_class = 'marketing' AND purpose = %s"
        params = (who, each.channel) if each.purpose == "service" else (who, each.channel, each.purpose)
        scope = _Scope(f"{by} = %s AND channel = %s AND {asks}", params)
        detail = {"receipt": each.receipt_id}
        _revoke(scope, states.BLOCKED, "consent_withdrawn", detail, clock.now())


def _concerned(withdrawals: Sequence[Withdrawal]) -> Sequence[Withdrawal]:
    """Of many, those of whose channel something is queued for them: an objection is a hundred withdrawals, and
    mostly nothing waits. What is not there for this question is not there for the next one either."""
    if len(withdrawals) < FEW:
        return withdrawals
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT DISTINCT contact_id, address_id, channel FROM channels_message
                WHERE (contact_id = ANY(%s) OR address_id = ANY(%s)) AND {REACHABLE}""",  # noqa: S608 - our own words
            [
                sorted({each.contact_id for each in withdrawals}),
                sorted({each.address_id for each in withdrawals if each.address_id}),
            ],
        )
        queued = cursor.fetchall()
    contacts = {(contact, channel) for contact, _, channel in queued}
    addresses = {(address, channel) for _, address, channel in queued}
    return [
        each
        for each in withdrawals
        if ((each.address_id, each.channel) in addresses if each.address_id else
            (each.contact_id, each.channel) in contacts)
    ]  # fmt: skip


def _revoke(scope: _Scope, state: str, reason: str, detail: dict[str, Any] | None, now: datetime) -> int:
    sql = REVOKE.format(where=scope.where, reachable=REACHABLE, columns=news.COLUMNS)
    told = json.dumps(detail) if detail else None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, [*scope.params, state, state, reason, told, state])
            ended = [news.Ended(*row) for row in cursor.fetchall()]
        news.tell(ended, now)
    return len(ended)


def _scope(
    *,
    run_ids: Sequence[int] | None,
    campaign_id: int | None,
    contact_ids: Sequence[int] | None,
    address_ids: Sequence[int] | None,
    channel: str | None,
) -> _Scope:
    given: list[tuple[str, Any]] = []
    for column, ids in (("run_id", run_ids), ("contact_id", contact_ids), ("address_id", address_ids)):
        if ids is not None:
            given.append((f"{column} = ANY(%s)", list(ids)))
    if campaign_id is not None:
        given.append(("campaign_id = %s", campaign_id))
    if not given:
        raise ValueError("revoke() wants to know whose messages: name runs, a campaign, contacts or addresses")
    if channel is not None:
        given.append(("channel = %s", channel))
    return _Scope(" AND ".join(text for text, _ in given), tuple(value for _, value in given))


def _state_of(reason: str) -> str:
    if reason == PAUSED:
        return states.PLANNED
    if reason == "expired":
        return states.EXPIRED
    return states.BLOCKED if reason.startswith(_FORBIDS) else states.CANCELLED
