"""What becomes of a message after what its carrier said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from channels import states
from channels.types import Outcome, Receipt

# How long after each definite "not now" it is tried again; after the last one it has failed.
BACKOFF: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1))
LONGEST: Final = timedelta(hours=24)
# Nothing was sent at all: the account rests, the message does not suffer for it.
BREATH: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Ending:
    """`attempted`: there was an attempt to write down. `doubtful`: it may have gone, ask again."""

    state: str
    reason: str = ""
    detail: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    attempted: bool = True
    doubtful: bool = False


def ending(receipt: Receipt, attempts: int, *, idempotent: bool, now: datetime) -> Ending:
    """`attempts`: how many there were before this one."""
    if receipt.outcome is Outcome.ACCEPTED:
        return Ending(states.ACCEPTED)
    if receipt.outcome is Outcome.NOT_STARTED:
        return Ending(states.DUE, due_at=now + BREATH, attempted=False)
    said = {"code": receipt.code, "detail": receipt.detail}
    if receipt.outcome is Outcome.REFUSED:
        return Ending(states.FAILED, "provider_reject", said)
    if receipt.outcome is Outcome.UNKNOWN and not idempotent:
        return Ending(states.UNKNOWN, "unknown", said)
    doubtful = receipt.outcome is Outcome.UNKNOWN
    if attempts >= len(BACKOFF):
        return Ending(states.UNKNOWN if doubtful else states.FAILED, "unknown" if doubtful else "provider_reject", said)
    return Ending(states.DUE, "", said, _later(receipt, attempts, now), doubtful=doubtful)


def _later(receipt: Receipt, attempts: int, now: datetime) -> datetime:
    asked = timedelta(seconds=receipt.retry_after or 0)
    return now + min(max(asked, BACKOFF[attempts]), LONGEST)
