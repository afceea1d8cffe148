"""What providers' servers tell us of messages: stored as it came and answered at once, taken in afterwards.

Each account that takes reports has a public address; its token is bound to that, and can be renewed. Duplicates and
any order are normal. What speaks of a message that is still on the wire, or not known by its number yet, is asked
again with the next round.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from channels import accounts, intake, secrets, tracking
from channels.intake import Taken
from channels.models import Account, Inbound
from channels.providers import carriers, http_reports
from channels.types import DeliveryEvent
from crm import bell, clock

log = logging.getLogger(__name__)

ROUND: Final = "channels.reports"
BATCH: Final = 100
BATCHES: Final = 20
LONGEST: Final = 256 * 1024
# So long a report may be ahead of what it speaks of.
PATIENCE: Final = {Taken.LATER: timedelta(hours=24), Taken.UNKNOWN_MESSAGE: timedelta(hours=1)}
WAITS: Final = "waits"

STORE: Final = """
INSERT INTO channels_inbound (account_id, event_id, payload, received_at, error) VALUES (%s, %s, %s::jsonb, %s, '')
ON CONFLICT (account_id, event_id) DO NOTHING"""


@dataclass(frozen=True)
class Door:
    """An account that takes reports."""

    account: int
    rule: Mapping[str, Any]
    secret: str


def takes(row: Account) -> bool:
    """Whether reports may come for an account: it is of a carrier whose server can tell some."""
    carrier = carrier_of(row) if row.pk else ""
    return carrier in carriers and carriers[carrier].tells


def carrier_of(row: Account) -> str:
    return accounts.carrier_of(row) if accounts.follows_environment(row) else row.carrier


def url(row: Account) -> str:
    return tracking.url("report", row.pk, row.report_generation)


def last(row: Account, limit: int = 5) -> list[Inbound]:
    """What came last, the newest first."""
    return list(Inbound.objects.filter(account=row).order_by("-pk")[:limit])


def door(token: str) -> Door | None:
    """Which account a token opens."""
    named = tracking.read("report", token)
    row = Account.objects.filter(pk=named.message_id, report_generation=named.link).first() if named else None
    if row is None or not takes(row):
        return None
    try:
        _, given, hidden = accounts.own(row)
    except secrets.Unreadable:
        return None  # whether it is signed cannot be told
    return Door(row.pk, given.get("reports") or {}, str(hidden.get("report_secret") or ""))


def store(found: Door, media_type: str, raw: bytes, now: datetime) -> bool:
    """Keep a report as it came. False: it was there already."""
    body = raw.decode("utf-8", "replace").replace("\0", "\ufffd")
    payload = json.dumps({"type": media_type, "body": body})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STORE, [found.account, _event_id(found, media_type, body, raw), payload, now])
        fresh = bool(cursor.rowcount)
        bell.ring(ROUND)
    return fresh


def _event_id(found: Door, media_type: str, body: str, raw: bytes) -> str:
    """The provider's own, with the status it brings: some use one for all statuses of a message."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    try:
        said = http_reports.read(found.rule, media_type, body)
    except http_reports.Unreadable:
        return digest
    return f"{said[0].event}:{said[0].status}"[:200] if len(said) == 1 and said[0].event else digest


# --- the round -------------------------------------------------------------------------------------


def work() -> int:
    """Take in what came. Answers how many reports are done with; those that wait are asked again next time."""
    done, last = 0, 0
    for _ in range(BATCHES):
        moved, last = _batch(last)
        done += moved
        if not last:
            break
    return done


def pending() -> int:
    """What nobody has looked at yet."""
    return Inbound.objects.filter(processed_at=None, error="").count()


def _batch(after: int) -> tuple[int, int]:
    """(how many are done with, the last one looked at; 0: there are no more)."""
    with transaction.atomic():
        rows = list(
            Inbound.objects.select_for_update(skip_locked=True, of=("self",)).select_related("account")
            .filter(processed_at=None, pk__gt=after).order_by("pk")[:BATCH]
        )  # fmt: skip
        done = sum(_take_in(row) for row in rows)
    return done, rows[-1].pk if len(rows) == BATCH else 0


def _take_in(row: Inbound) -> int:
    now = clock.now()
    try:
        rule = accounts.own(row.account)[1].get("reports") or {}
        said = http_reports.read(rule, row.payload.get("type", ""), row.payload.get("body", ""))
    except (http_reports.Unreadable, secrets.Unreadable) as error:
        return _settle(row, now, str(error)[:300])
    events = [_event(each, row) for each in said if each.kind]
    verdicts = intake.receive(events, now) if events else []
    patience = max((PATIENCE[each] for each in verdicts if each in PATIENCE), default=None)
    if patience is not None and row.received_at > now - patience:
        if row.error != WAITS:
            Inbound.objects.filter(pk=row.pk).update(error=WAITS)
        return 0
    lost = sum(each in PATIENCE for each in verdicts)
    unknown = sorted({each.status for each in said if not each.kind})
    words = [f"{lost} of a message that is not known here"] if lost else []
    words += [f"no meaning is set for: {', '.join(unknown)}"] if unknown else []
    return _settle(row, now, "; ".join(words)[:300])


def _settle(row: Inbound, now: datetime, error: str) -> int:
    Inbound.objects.filter(pk=row.pk).update(processed_at=now, error=error)
    if error:
        log.info("report", extra={"event": "report", "inbound": row.pk, "account": row.account_id})
    return 1


def _event(said: http_reports.Said, row: Inbound) -> DeliveryEvent:
    return DeliveryEvent(
        said.kind, row.received_at, f"{said.event or said.kind}:{said.status}"[:160],
        provider_message_id=said.message, detail={"code": said.code} if said.code else {},
    )  # fmt: skip
