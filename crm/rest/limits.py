"""How many requests a key may make in a minute, counted over all web processes.

The count stands in an unlogged table, which costs no flush to disk. A process brings what
it has counted there once a second, and always before it is a hundredth of the limit, so
that it is never further behind (decision B27); small limits are counted one by one.
Losing the table in a crash of the database loses a minute's count.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection
from django.http.response import HttpResponseBase

from crm import clock

WINDOW: Final = 60
BEHIND_SECONDS: Final = 1.0
BEHIND_PART: Final = 100  # of the limit
MOST_HELD: Final = 1_000

COUNT: Final = """
INSERT INTO crm_ratecount (slot, minute, n) VALUES (%s, %s, %s)
ON CONFLICT (slot) DO UPDATE SET n = crm_ratecount.n + excluded.n
RETURNING n
"""


@dataclass
class _Held:
    """What this process knows of a slot: the count as it was brought last, and those since."""

    known: int
    brought_at: float
    since: int = 0


_lock = threading.Lock()
_held: dict[str, _Held] = {}


@dataclass(frozen=True)
class Standing:
    """Where somebody stands in the current minute."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit


def count(actor: str, limit: int) -> Standing:
    """One request more of `actor`."""
    second = int(clock.real().timestamp())
    minute = second // WINDOW
    slot = f"{actor}@{minute}"
    with _lock:
        held = _held.get(slot)
        more = 1 + (held.since if held else 0)
        if held and more < limit // BEHIND_PART and time.monotonic() - held.brought_at < BEHIND_SECONDS:
            held.since = more
            return Standing(limit, held.known + more, (minute + 1) * WINDOW - second)
        if held:
            held.since = 0  # these are on their way
    used = _bring(slot, minute, more)
    with _lock:
        since = _held[slot].since if slot in _held else 0
        if len(_held) >= MOST_HELD:
            for over in [each for each in _held if not each.endswith(f"@{minute}")]:
                del _held[over]
        _held[slot] = _Held(used, time.monotonic(), since)
    return Standing(limit, used + since, (minute + 1) * WINDOW - second)


def _bring(slot: str, minute: int, more: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [slot, minute, more])
        (used,) = cursor.fetchone()
        if used == more:  # the first of a minute sweeps up what is over
            cursor.execute("DELETE FROM crm_ratecount WHERE minute < %s", [minute - 1])
    return int(used)


def of_key() -> int:
    return int(settings.API_RATE_PER_MINUTE)


def of_stranger() -> int:
    return int(settings.API_RATE_PER_MINUTE_UNKNOWN)


def write(response: HttpResponseBase, standing: Standing) -> None:
    """The headers by which a client sees it coming."""
    response["RateLimit-Limit"] = str(standing.limit)
    response["RateLimit-Remaining"] = str(standing.remaining)
    response["RateLimit-Reset"] = str(standing.reset)
    response["RateLimit-Policy"] = f"{standing.limit};w={WINDOW}"
    if response.status_code == 429:
        response["Retry-After"] = str(standing.reset)
