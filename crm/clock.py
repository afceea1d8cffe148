"""The two clocks of the house, and the only file that reads the machine's time.

`now()` is **business time**: what due dates, windows, expiry and quiet hours are
measured with. Under `TESTING_CLOCK` it can be moved. `real()` is the machine's
time: leases, start marks, sessions and tokens are measured with it, because a
moved clock must never free a lease.

Moving the clock shifts it; it keeps running (a frozen clock never ends a
back-off). The shift lives in a one-row table so that web, workers and the SQL
function `cauce_now()` all follow. A process reads it at the start of each unit
of work (`refresh()`: every request, every round), not at each call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import DateTimeField, Func

_shift = timedelta(0)

PLAIN_NOW = """
CREATE OR REPLACE FUNCTION cauce_now() RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT clock_timestamp() $$
"""

SHIFTED_NOW = """
CREATE OR REPLACE FUNCTION cauce_now() RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT clock_timestamp() + coalesce((SELECT shift FROM crm_clockshift LIMIT 1), interval '0') $$
"""


class BusinessNow(Func):
    """Business time as a column default: `cauce_now()`."""

    function = "cauce_now"
    output_field = DateTimeField()


class RealNow(Func):
    """The machine's time as a column default: `clock_timestamp()`."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def real() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time: the machine's time plus the shift last read by `refresh()`."""
    return real() + _shift


def offset() -> timedelta:
    """How far business time is from the machine's time in this process."""
    return _shift


def refresh() -> None:
    """Read the shift again (one query, and only under `TESTING_CLOCK`)."""
    global _shift
    if not settings.TESTING_CLOCK:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT shift FROM crm_clockshift LIMIT 1")
        row = cursor.fetchone()
    _shift = row[0] if row else timedelta(0)


def set_to(instant: datetime) -> None:
    """Shift business time so that it is `instant` now.

    Raises ImproperlyConfigured unless `TESTING_CLOCK` is on.
    """
    _store(instant - real())


def advance(span: timedelta) -> None:
    """Shift business time by `span` from where it stands."""
    refresh()
    _store(_shift + span)


def reset() -> None:
    """Let business time be the machine's time again."""
    _store(timedelta(0))


def install() -> None:
    """(Re)create `cauce_now()` for this installation; called after each migrate."""
    with connection.cursor() as cursor:
        cursor.execute(SHIFTED_NOW if settings.TESTING_CLOCK else PLAIN_NOW)


def _store(shift: timedelta) -> None:
    global _shift
    if not settings.TESTING_CLOCK:
        raise ImproperlyConfigured("The clock can be moved only with TESTING_CLOCK=1.")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_clockshift")
        seconds = shift.total_seconds()
        cursor.execute("INSERT INTO crm_clockshift (shift) VALUES (make_interval(secs => %s))", [seconds])
    _shift = shift
