"""The demo is loaded: asked for by somebody, told by a worker, and how far it is.

The story is one transaction, so how far it is goes by a connection of its own. Asked twice, it is loaded once;
where messages leave, or where somebody is already, never.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection

from channels import accounts
from config import demo_life
from crm import audit, bell, clock
from crm import demo as marks
from crm.models import Contact
from crm.partitions import LOCK_TEAM

log = logging.getLogger(__name__)

ROUND: Final = "config.demo"
LOCK_DEMO: Final = LOCK_TEAM + 1
WHOLE: Final = 100
FAILED: Final = -1


def may_load() -> bool:
    """A made-up number may be somebody's: nowhere where messages leave. And not among people who are there."""
    return not accounts.lets_out() and not Contact.objects.exists()


def ask(actor: str) -> None:
    """A worker sees to it from now on; one that went wrong is tried again."""
    with _alone() as mine:
        if mine and how_far() in (None, FAILED):
            marks.forget(marks.LOADING, [FAILED])
            marks.remember(marks.LOADING, [0])
            audit.record(actor, "demo.load", "demo", None, None)
    bell.ring(ROUND)


def how_far() -> int | None:
    """Of `WHOLE`; None: nothing is being loaded, FAILED: it went wrong."""
    found = marks.of(marks.LOADING, 1)
    return found[0] if found else None


def work() -> int:
    """All of it at once. Answers 1 when something was done."""
    if not pending():
        return 0
    with _alone() as mine:
        if not mine:
            return 0
        if may_load():
            _load()
        if (place := how_far()) is not None and place != FAILED:
            marks.forget(marks.LOADING, [place])
    return 1


def pending() -> int:
    return int(how_far() not in (None, FAILED))


def _load() -> None:
    with _noting() as note:
        try:
            demo_life.seed(
                settings.DEMO_CONTACTS, settings.DEMO_WEEKS, 1, clock.now(), people=False,
                progress=lambda share: note(min(int(share * WHOLE), WHOLE - 1)),
            )  # fmt: skip
        except Exception:
            log.exception("demo not loaded", extra={"event": "demo_failed"})
            note(FAILED)


@contextmanager
def _noting() -> Iterator[Callable[[int], None]]:
    """Written past the transaction of the story: what is noted can be read while it is told."""
    other = connection.copy()
    try:
        yield lambda place: marks.note_progress(other, place)
    finally:
        other.close()


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else loads at this moment. Of the session, because loading is more than a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_DEMO])
        [mine] = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_DEMO])
