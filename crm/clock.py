"""The two clocks of the house, and the only file that reads the machine's time.

`now()` is **business time**: what due dates, windows, expiry and quiet hours are
measured with. Under `TESTING_CLOCK` it can be moved. `real()` is the machine's
time: leases, start marks, sessions and tokens are measured with it, because a
moved clock must never free a lease.

Moving the clock shifts it; it keeps running (a frozen clock never ends a
back-off). The shift lives in a one-row table so that web, workers and the SQL
function `cauce_now()` all follow. A process reads it at the start of each unit
of work (`refresh()`: every request, every round), not at each call.

`at()` is the other way, of the demo alone: a past that is told in one transaction, which
nobody else sees before it has come to today. Only that thread and that transaction are
there; the clock of everybody else stands where it stood.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import DateTimeField, Func

_shift = timedelta(0)
# Where `at()` has put this thread's transaction; None: nowhere else.
_elsewhere: ContextVar[timedelta | None] = ContextVar("cauce_elsewhere", default=None)

# The setting is local to the transaction of `at()`, and empty everywhere else.
PLAIN_NOW = """
CREATE OR REPLACE FUNCTION cauce_now() RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT clock_timestamp() + coalesce(nullif(current_setting('cauce.elsewhere', true), '')::interval,
  interval '0') $$
"""

SHIFTED_NOW = """
CREATE OR REPLACE FUNCTION cauce_now() RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT clock_timestamp() + coalesce(nullif(current_setting('cauce.elsewhere', true), '')::interval,
  (SELECT shift FROM crm_clockshift LIMIT 1), interval '0') $$
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
    return real() + offset()


def offset() -> timedelta:
    """How far business time is from the machine's time in this process (inside `at()`: in this thread)."""
    elsewhere = _elsewhere.get()
    return _shift if elsewhere is None else elsewhere


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Business time is `instant` in here, and goes on from there; for the demo's story alone.

    Only inside a transaction: nobody sees what is told of the past before it is all told, and the
    setting ends with the transaction, whatever happens. Never ahead of what business time is outside.
    """
    if not connection.in_atomic_block:
        raise ImproperlyConfigured("Business time is elsewhere only inside a transaction.")
    if instant > now():
        raise ValueError(f"{instant} has not come yet.")
    shift = instant - real()
    former = _elsewhere.set(shift)
    try:
        _tell(f"{shift.total_seconds()} seconds")
        yield
        back = former.old_value if isinstance(former.old_value, timedelta) else None
        _tell(f"{back.total_seconds()} seconds" if back is not None else "")
    finally:
        _elsewhere.reset(former)  # a transaction that broke off has lost the setting by itself


def _tell(shift: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('cauce.elsewhere', %s, true)", [shift])


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
