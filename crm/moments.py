"""Local time: quiet hours, times of day, days that keep the wall time. Pure.

Instants are aware UTC, zones are IANA names. A local time that does not exist is the
first valid instant after it; one that happens twice is its first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HORIZON_DAYS = 8  # one week and the day that began it: every set of weekdays comes round
UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
}
MIDNIGHT = time(0)
# What may be told: older is a mistake in the data, younger than this a wrong clock (decision B16).
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
FUTURE = timedelta(minutes=5)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Whether `name` is a zone that can be computed with."""
    try:
        zone_of(name)
    except (KeyError, ValueError, OSError):  # not found; no key; a path that leads nowhere
        return False
    return True


def local_day(instant: datetime, zone: str) -> date:
    """The date on the wall calendar of `zone`."""
    return instant.astimezone(zone_of(zone)).date()


def at_local(day: date, at: time, zone: str) -> datetime:
    """The instant (UTC) of a wall time on a day in `zone`."""
    wall = datetime.combine(day, at, tzinfo=zone_of(zone))
    instant = wall.astimezone(UTC)
    back = instant.astimezone(wall.tzinfo)
    if back.replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    return _end_of_gap(wall.replace(fold=1).astimezone(UTC), instant, zone_of(zone))


def _end_of_gap(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the offset jumped, between one before the jump and one after it."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def add(now: datetime, value: float, unit: str, zone: str) -> datetime:
    """`now` plus a span: "1 day" keeps the wall time of `zone`, "24 hours" is 24 hours.

    >>> add(datetime(2026, 3, 28, 9, tzinfo=UTC), 1, "days", "Europe/Madrid").hour
    8
    """
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit; one of {', '.join(UNITS)}")
    span = UNITS[unit] * value
    if unit in ("minutes", "hours"):
        return now + span
    wall = now.astimezone(zone_of(zone)).replace(tzinfo=None) + span
    return at_local(wall.date(), wall.time(), zone)


def within(now: datetime, zone: str, opens: time, closes: time, weekdays: Collection[int] = ()) -> bool:
    """Whether the wall time lies in [opens, closes) on an allowed day (ISO: 1 is Monday).

    `closes` before `opens` reaches over midnight, and counts for the day it began on;
    equal ones are the whole day.
    """
    wall = now.astimezone(zone_of(zone))
    today, at = wall.date(), wall.time().replace(tzinfo=None)
    if opens == closes:
        return _allowed(today, weekdays)
    if opens < closes:
        return opens <= at < closes and _allowed(today, weekdays)
    if at >= opens:
        return _allowed(today, weekdays)
    return at < closes and _allowed(today - timedelta(days=1), weekdays)


def allowed_from(now: datetime, zone: str, opens: time, closes: time, weekdays: Collection[int] = ()) -> datetime:
    """The nearest instant, from `now` on, inside [opens, closes) of an allowed day."""
    if within(now, zone, opens, closes, weekdays):
        return now
    first = MIDNIGHT if opens == closes else opens
    return _next(now, zone, first, weekdays)


def quiet_end(now: datetime, zone: str, quiet_from: time, quiet_until: time) -> datetime | None:
    """When the quiet hours that hold now are over; None outside them. Equal edges: never quiet."""
    if quiet_from == quiet_until or not within(now, zone, quiet_from, quiet_until):
        return None
    return _next(now, zone, quiet_until, ())


def next_local(
    now: datetime,
    zone: str,
    at: time | None,
    weekdays: Collection[int] = (),
    window: tuple[time, time] | None = None,
) -> datetime:
    """The first instant from `now` on at wall time `at` on an allowed weekday (ISO: 1 is Monday).

    With a `window`, somebody who comes while it is open on an allowed day goes on at
    once, and everybody else at `at` (its opening when `at` is None).
    """
    if window and within(now, zone, window[0], window[1], weekdays):
        return now
    if at is None:
        at = window[0] if window else MIDNIGHT
    return _next(now, zone, at, weekdays)


def _next(now: datetime, zone: str, at: time, weekdays: Collection[int]) -> datetime:
    today = local_day(now, zone)
    for days in range(HORIZON_DAYS):
        day = today + timedelta(days=days)
        instant = at_local(day, at, zone)
        if instant >= now and _allowed(day, weekdays):
            return instant
    raise ValueError(f"no weekday of {sorted(weekdays)} ever comes; ISO weekdays are 1 to 7")


def _allowed(day: date, weekdays: Collection[int]) -> bool:
    return not weekdays or day.isoweekday() in weekdays
