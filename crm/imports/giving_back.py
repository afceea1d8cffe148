"""What an import brought beside contacts goes back by its notes (`items`), a batch at a time.

The newest notes come first and go with their batch: where one thing was brought twice, it goes back step by step. What
somebody changed since stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import connection

from crm import catalogue, orders, suppression
from crm.imports import kinds
from crm.models import ImportJob

BATCH: Final = 500
# Why something stays: somebody did something with it since; another file says the same.
CHANGED: Final = "changed"
ELSEWHERE: Final = "said_elsewhere"


@dataclass
class TakenBack:
    """How many went, whose they were, and why others stayed."""

    gone: int = 0
    contacts: list[int] = field(default_factory=list)
    stayed: Counter[str] = field(default_factory=Counter)


def take_back(job: ImportJob, now: datetime) -> TakenBack | None:
    """The next batch, in the caller's transaction; None: nothing of it is left."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, key, before::text, after::text FROM crm_importeditem WHERE job_id = %s
               ORDER BY id DESC LIMIT %s""",
            [job.pk, BATCH],
        )
        notes: dict[str, tuple[int, str | None, str | None]] = {}
        for number, key, before, after in cursor.fetchall():
            if key in notes:
                break
            notes[key] = (number, before, after)
        if not notes:
            return None
        cursor.execute("DELETE FROM crm_importeditem WHERE id = ANY(%s)", [[number for number, *_ in notes.values()]])
    return _TAKERS[job.kind](job, {key: (before, after) for key, (_, before, after) in notes.items()}, now)


Notes = dict[str, tuple[str | None, str | None]]


def _orders(job: ImportJob, notes: Notes, now: datetime) -> TakenBack:
    del job, now
    gone, contacts = orders.take_back({key: after for key, (_, after) in notes.items() if after is not None})
    return TakenBack(len(gone), contacts, Counter({CHANGED: len(notes) - len(gone)}))


def _goods(job: ImportJob, notes: Notes, now: datetime) -> TakenBack:
    changes = [(key, before, after) for key, (before, after) in notes.items() if after is not None]
    back = catalogue.put_back(job.kind, changes, now=now)
    return TakenBack(len(back), stayed=Counter({CHANGED: len(notes) - len(back)}))


def _stops(job: ImportJob, notes: Notes, now: datetime) -> TakenBack:
    """What this file alone had stopped may be written to again: a person takes the file back."""
    source, others = kinds.name(job)[:120], _said_elsewhere(job, list(notes))
    found = TakenBack()
    for medium in ("email", "phone"):
        mine = _stopped_by(source, [key.partition(":")[2] for key in notes if key.startswith(f"{medium}:")], medium)
        for other in {others[key] for key in others}:
            also = [hashed for hashed in mine if others.get(f"{medium}:{hashed}") == other]
            suppression.hand_over(medium, also, before=source, after=kinds.name(ImportJob.objects.get(pk=other))[:120])
        alone = [hashed for hashed in mine if f"{medium}:{hashed}" not in others]
        found.gone += suppression.lift(medium, alone, reason=suppression.BY_HAND, now=now)
        found.stayed[ELSEWHERE] += len(mine) - len(alone)
    return found


def _said_elsewhere(job: ImportJob, keys: Sequence[str]) -> dict[str, int]:
    """Which of these addresses another file names too, that stands: the first such file."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.key, min(i.job_id) FROM crm_importeditem i JOIN crm_importjob j ON j.id = i.job_id
               WHERE i.key = ANY(%s) AND j.id <> %s AND j.kind = 'suppressions' AND j.state NOT IN ('undoing', 'undone')
               GROUP BY i.key""",
            [list(keys), job.pk],
        )
        return dict(cursor.fetchall())


def _stopped_by(source: str, hashes: Sequence[str], medium: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT hash FROM crm_suppression WHERE medium = %s AND hash = ANY(%s) AND source = %s
               AND until IS NULL AND reason = %s""",
            [medium, list(hashes), source, suppression.BY_HAND],
        )
        return [hashed for (hashed,) in cursor.fetchall()]


_TAKERS: Final = {"orders": _orders, "products": _goods, "stock": _goods, "suppressions": _stops}
