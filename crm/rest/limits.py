"""How many requests a key may make in a minute, counted over all web processes.

The count stands in an unlogged table: one small statement a request, which costs no
flush to disk. Losing it in a crash of the database loses a minute's count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection
from django.http.response import HttpResponseBase

from crm import clock

WINDOW: Final = 60

COUNT: Final = """
INSERT INTO crm_ratecount (slot, minute, n) VALUES (%s, %s, 1)
ON CONFLICT (slot) DO UPDATE SET n = crm_ratecount.n + 1
RETURNING n
"""


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
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [f"{actor}@{minute}", minute])
        (used,) = cursor.fetchone()
        if used == 1:  # the first of a minute sweeps up what is over
            cursor.execute("DELETE FROM crm_ratecount WHERE minute < %s", [minute - 1])
    return Standing(limit, used, (minute + 1) * WINDOW - second)


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
