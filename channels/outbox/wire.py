"""On the wire: a mark, a network call, and the outcome with the next mark (decision C6).

`cauce_mark` says whether a message may go at this very moment: it is still in our batch, under our
lease, and nobody has taken it back. Without that answer nothing is sent. So a worker that is killed
leaves one message started per connection; everything else was provably not sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, connection
from django.db.backends.utils import CursorWrapper

from channels import pace
from channels.accounts import Open
from channels.outbox import settlement
from channels.outbox.settlement import Result
from channels.outbox.writing import Ready
from channels.types import Outcome, Receipt
from crm import clock

log = logging.getLogger(__name__)

MARK: Final = "SELECT cauce_mark(%s::uuid, %s::bigint, %s::bigint, %s::jsonb)"
EXTEND: Final = """
UPDATE channels_message SET lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = ANY(%s) AND lease = %s AND state = 'handing_off'"""
# Not on the wire after all, because the connection to the provider is gone.
GIVE_BACK: Final = """
UPDATE channels_message SET state = 'due', lease = NULL, lease_until = NULL, handed_at = NULL, counted_at = NULL
WHERE id = ANY(%s) AND lease = %s AND state = 'handing_off' AND started_at IS NULL"""

# Outcomes are settled at least this often, so that runs go on while a slow provider answers.
SETTLE_SECONDS: Final = 1.0


@dataclass
class _Batch:
    """A batch on its way: results that are not settled, and when its lease was last renewed."""

    account: Open
    lease: UUID
    results: list[Result] = field(default_factory=list)
    unwritten: Result | None = None
    stopped: bool = False
    settled_at: float = field(default_factory=time.monotonic)
    leased_at: float = field(default_factory=time.monotonic)
    marks: bool = field(default_factory=lambda: bool(settings.HANDOFF_MARKS))
    lease_seconds: float = field(default_factory=lambda: float(settings.LEASE_SECONDS))
    cursor: CursorWrapper | None = None


def send(batch: Sequence[Ready], account: Open, lease: UUID) -> bool:
    """Send what was handed over, in id order. False: the provider cannot be reached, the rest is due again."""
    on_way = _Batch(account, lease)
    place = 0
    try:
        for place, ready in enumerate(batch):
            started_at = _start(on_way, ready, batch[place:])
            if started_at is not None and not _send(on_way, ready, started_at):
                _give_back([each.letter.id for each in batch[place + 1 :]], lease)
                break
        _settle(on_way)
    except (DatabaseError, InterfaceError):
        known = {each.message_id for each in on_way.results}
        on_way.results += [_not_sent(each) for each in batch[place:] if each.letter.id not in known]
        _rescue(on_way)
        raise
    return not on_way.stopped


def _send(on_way: _Batch, ready: Ready, started_at: datetime) -> bool:
    """One call. False: there is no use in going on."""
    result = _call(on_way.account, ready, started_at)
    on_way.unwritten = result
    on_way.results.append(result)
    if result.receipt.outcome is Outcome.NOT_STARTED:
        on_way.stopped = True
        pace.rest(on_way.account)
        return False
    pace.wake(on_way.account)
    if time.monotonic() - on_way.settled_at > SETTLE_SECONDS:
        _settle(on_way)
    return True


def _call(account: Open, ready: Ready, started_at: datetime) -> Result:
    try:
        receipt = account.carrier.send(ready.outgoing)
    except Exception as error:
        # A carrier promises not to raise; one that does has said nothing about its message.
        log.exception("carrier raised", extra={"event": "carrier_raised", "message_id": ready.letter.id})
        account.carrier.close()
        receipt = Receipt(Outcome.UNKNOWN, code="raised", detail=type(error).__name__)
    return Result(ready.letter.id, ready.letter.attempts, receipt, started_at, clock.real())


def _start(on_way: _Batch, ready: Ready, rest: Sequence[Ready]) -> datetime | None:
    """Mark the message started, and write the outcome of the one before; None: do not send."""
    if not on_way.marks:
        return clock.real()
    before = settlement.as_json(on_way.unwritten) if on_way.unwritten is not None else None
    if time.monotonic() - on_way.leased_at > on_way.lease_seconds / 4:
        _extend(on_way, rest)
    if on_way.cursor is None:
        on_way.cursor = connection.cursor()
    on_way.cursor.execute(MARK, [str(on_way.lease), ready.letter.id, ready.letter.address_id, before])
    started_at: datetime | None = on_way.cursor.fetchone()[0]
    if started_at is not None:
        on_way.unwritten = None
    return started_at


def disown(batch: Sequence[Ready], account: Open, lease: UUID) -> None:
    """The hand-over of this batch was broken off: whatever of it was written, nothing was sent."""
    _rescue(_Batch(account, lease, results=[_not_sent(each) for each in batch]))


def _rescue(on_way: _Batch) -> None:
    """The database went away in the middle. What this worker knows is still true (what was answered,
    what was never sent), so it is written as soon as the database is back."""
    end = time.monotonic() + settings.LEASE_SECONDS
    on_way.cursor = None
    while time.monotonic() < end:
        connection.close()
        try:
            _settle(on_way)
            return
        except (DataError, IntegrityError, ProgrammingError):
            raise
        except (DatabaseError, InterfaceError):
            # A server that dies under a statement is a plain DatabaseError to psycopg2.
            time.sleep(0.2)
    log.warning("outcomes left to the reaper", extra={"event": "outcomes_lost", "count": len(on_way.results)})


def _not_sent(ready: Ready) -> Result:
    receipt = Receipt(Outcome.NOT_STARTED, detail="the database went away")
    return Result(ready.letter.id, ready.letter.attempts, receipt, None, clock.real())


def _settle(on_way: _Batch) -> None:
    settlement.settle(on_way.results, lease=on_way.lease, idempotent=on_way.account.carrier.idempotent, now=clock.now())
    on_way.results = []
    on_way.unwritten = None
    on_way.settled_at = time.monotonic()


def _extend(on_way: _Batch, rest: Sequence[Ready]) -> None:
    """A slow provider must not cost us the lease of what still waits in this batch."""
    ids = [each.letter.id for each in rest] + [each.message_id for each in on_way.results]
    with connection.cursor() as cursor:
        cursor.execute(EXTEND, [settings.LEASE_SECONDS, ids, str(on_way.lease)])
    on_way.leased_at = time.monotonic()


def _give_back(ids: Sequence[int], lease: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, [list(ids), str(lease)])
