"""The round that sends: claim, write, hand over, send, settle; an account at a time."""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from channels import accounts, pace
from channels.accounts import Open
from channels.outbox import claims, handover, wire, writing
from crm import clock

# One turn of the round: long enough to be worth it, short enough that events are answered between.
TURN_SECONDS: Final = 0.5
# A claim feeds this many hand-offs; what a killed worker had not handed over is due again.
HANDOFFS_A_CLAIM: Final = 4

PENDING: Final = """
SELECT count(*) FROM (SELECT FROM channels_message WHERE state = 'due' AND due_at <= %s LIMIT 10000) AS due"""
LEASED: Final = """
SELECT count(*) FROM (SELECT FROM channels_message WHERE state IN ('claimed', 'handing_off') LIMIT 10000) AS leased"""


def deliver() -> int:
    """Send what is due for about half a second. Returns how many messages were moved."""
    end = time.monotonic() + TURN_SECONDS
    moved = 0
    while True:
        count = _once()
        moved += count
        if not count or time.monotonic() >= end:
            return moved


def pending() -> int:
    """How many messages are due or on their way at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(PENDING, [clock.now()])
        due = int(cursor.fetchone()[0])
        cursor.execute(LEASED)
        return due + int(cursor.fetchone()[0])


def _once() -> int:
    opened = accounts.active()
    if not opened:
        return 0
    now = clock.now()
    waiting = {
        paused: claims.waiting(sorted({each.channel for each in opened if each.paused is paused}), now, promised=paused)
        for paused in (False, True)
    }
    return sum(_deliver(account) for account in opened if account.channel in waiting[account.paused])


def _deliver(account: Open) -> int:
    limit = pace.allowance(account, settings.HANDOFF_MICRO_BATCH * HANDOFFS_A_CLAIM)
    if not limit:
        return 0
    lease = uuid4()
    now = clock.now()
    letters = claims.claim(
        channel=account.channel, account_id=account.id, default=account.is_default, limit=limit, lease=lease, now=now,
        promised=account.paused,
    )  # fmt: skip
    if not letters:
        return 0
    ready, broken = writing.write(letters, now)
    if broken:
        handover.turn_away(broken, lease=lease, now=now)
    for start in range(0, len(ready), settings.HANDOFF_MICRO_BATCH):
        if not _hand_over(ready[start : start + settings.HANDOFF_MICRO_BATCH], account, lease):
            claims.give_back(lease)
            break
    return len(letters)


def _hand_over(batch: list[writing.Ready], account: Open, lease: UUID) -> bool:
    try:
        going = handover.hand_over(batch, lease=lease, account_id=account.id, now=clock.now())
    except (DatabaseError, InterfaceError):
        # Whether that was committed is not known; that none of it was sent is.
        wire.disown(batch, account, lease)
        raise
    return wire.send(going, account, lease)
