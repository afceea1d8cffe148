"""The state of the works, for the status page: queues, workers, what stands still."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connection

from crm.registry import Round, rounds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Queue:
    """A round of work and what is due or leased in it; None if the question failed."""

    name: str
    pending: int | None


@dataclass(frozen=True)
class Worker:
    """A process as PostgreSQL sees it; `seen` is when it last did something there."""

    name: str
    seen: datetime | None
    sessions: int


@dataclass(frozen=True)
class State:
    queues: list[Queue]
    workers: list[Worker]
    parked: int | None
    oldest_due: dict[str, datetime]


def look() -> State:
    return State(
        queues=[Queue(name, _pending(each)) for name, each in rounds.items()],
        workers=_workers(),
        parked=_parked(),
        oldest_due=_oldest_due(),
    )


def _pending(each: Round) -> int | None:
    try:
        return each.pending()
    except DatabaseError:
        # This page is looked at when something is broken: one broken round must not hide the rest.
        log.exception("queue not counted", extra={"event": "queue_not_counted", "round": each.name})
        return None


def _workers() -> list[Worker]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT substr(application_name, 7), max(state_change), count(*)
               FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cauce %%'
               GROUP BY 1 ORDER BY 1"""
        )
        return [Worker(*row) for row in cursor.fetchall()]


def _parked() -> int | None:
    """Events that a reactor could not answer; None where the table is not there."""
    if not _exists("crm_reaction"):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_reaction WHERE parked")
        return int(cursor.fetchone()[0])


def _oldest_due() -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    with connection.cursor() as cursor:
        for table, condition in (("channels_message", "state = 'due'"), ("campaigns_enrolment", "state = 'due'")):
            if _exists(table):
                cursor.execute(f"SELECT min(due_at) FROM {table} WHERE {condition} AND due_at <= cauce_now()")  # noqa: S608
                row = cursor.fetchone()
                if row and row[0]:
                    found[table] = row[0]
    return found


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])
