"""When something can have happened: from 1990 until now, with five minutes for clocks that are fast."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from crm.errors import Problem, Problems

EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
FAST: Final = timedelta(minutes=5)


def problem(pointer: str, at: datetime, now: datetime) -> Problem | None:
    if at < EARLIEST:
        return Problem(pointer, "too_early", "Nothing before 1990 is taken; check the year.")
    if at > now + FAST:
        return Problem(pointer, "in_the_future", "This has not happened yet; check the clock and the zone.")
    return None


def refuse(given: Iterable[tuple[str, datetime | None]], now: datetime) -> None:
    found = [each for pointer, at in given if at is not None and (each := problem(pointer, at, now))]
    if found:
        raise Problems(found)
