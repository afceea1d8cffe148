"""The public holidays on which a rule's windows stay closed: data (`holidays.toml`), and when Easter is. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "holidays.toml"


@lru_cache(maxsize=1)
def calendars() -> Mapping[str, tuple[frozenset[tuple[int, int]], tuple[int, ...]]]:
    """Country → its days (month, day) of each year, and those that go with Easter as days from it."""
    data = tomllib.loads(FILE.read_text())
    return {country: (frozenset(map(_day, each["fixed"])), tuple(each["easter"])) for country, each in data.items()}


def falls_on(day: date, countries: Iterable[str]) -> bool:
    """Whether it is a public holiday in one of these countries. One without a calendar has none."""
    for country in countries:
        fixed, moving = calendars().get(country, (frozenset(), ()))
        if (day.month, day.day) in fixed or (day - easter(day.year)).days in moving:
            return True
    return False


@lru_cache(maxsize=256)
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, for every year of it.

    The rule of an anonymous correspondent of Nature (1876) as Jean Meeus gives it, Astronomical Algorithms
    (2nd edition, 1998), chapter 8.
    """
    golden, (century, in_century) = year % 19, divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    weekday = (32 + 2 * rest + 2 * (in_century // 4) - epact - in_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _day(text: str) -> tuple[int, int]:
    day = date.fromisoformat(f"2000-{text}")  # a leap year, so that every day is one
    return day.month, day.day
