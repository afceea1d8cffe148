"""Local days in SQL: what day it is for each contact, by their zone.

At any instant there are at most three dates in the world, so "today" is a CASE over
the names of zones and needs no arithmetic per row. A zone that Python or PostgreSQL
does not know counts as UTC, in both.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from django.db import connection

from crm import moments
from crm.segments.sql import Sql, join

ZONE = Sql("crm_contact.zone")


@cache
def zones() -> frozenset[str]:
    """The zones both Python and the database can compute with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return frozenset(name for (name,) in cursor.fetchall()) & frozenset(available_timezones())


def local_day(instant: datetime, zone: str) -> date:
    """The date on the wall calendar of `zone`; of UTC if there is no such zone."""
    return moments.local_day(instant, zone if zone in zones() else "UTC")


def by_date(now: datetime) -> dict[date, list[str]]:
    """The dates there are in the world now, with the zones that have them."""
    found: dict[date, list[str]] = {}
    for zone in sorted(zones()):
        found.setdefault(moments.local_day(now, zone), []).append(zone)
    return found


def today(now: datetime) -> Sql:
    """The contact's date now."""
    here = now.astimezone(UTC).date()
    cases = [
        join("WHEN crm_contact.zone = ANY({}) THEN {}::date", names, day)
        for day, names in by_date(now).items()
        if day != here
    ]
    if not cases:
        return join("{}::date", here)
    return join("CASE " + " ".join("{}" for _ in cases) + " ELSE {}::date END", *cases, here)


def of(instant: Sql) -> Sql:
    """The contact's date at an instant."""
    return join(
        "(({}) AT TIME ZONE CASE WHEN crm_contact.zone = ANY({}) THEN crm_contact.zone ELSE 'UTC' END)::date",
        instant,
        sorted(zones()),
    )


def crossed(last: datetime, now: datetime) -> dict[date, list[str]]:
    """Where a new day began in (last, now]: each new date with the zones in which it did."""
    found: dict[date, list[str]] = {}
    for zone in sorted(zones()):
        day, end = moments.local_day(last, zone), moments.local_day(now, zone)
        while day < end:
            day += timedelta(days=1)
            found.setdefault(day, []).append(zone)
    return found


def where_crossed(last: datetime, now: datetime) -> Sql | None:
    """A condition on contacts for whom a new day began in (last, now]; None: for nobody."""
    names = sorted({zone for group in crossed(last, now).values() for zone in group})
    if not names:
        return None
    if "UTC" in names:  # contacts with an unknown zone live by UTC
        return join("(crm_contact.zone = ANY({}) OR crm_contact.zone <> ALL({}))", names, sorted(zones()))
    return join("crm_contact.zone = ANY({})", names)
