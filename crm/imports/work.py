"""The round of the imports: one job, a slice at a time.

A piece of the file, its rejected rows and the place where it ended are one transaction that also asks whether the
job is still ours and still wanted: whoever is killed, paused or overtaken leaves nothing half done.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from crm import arrays, audit, bell, clock, publicids
from crm.errors import Problem, Problems
from crm.imports import checking, files, jobs, kinds, staging, undoing
from crm.imports.outcomes import Outcome, Reject
from crm.models import ImportedItem, ImportJob, ImportReject

log = logging.getLogger(__name__)

ROUND: Final = "crm.imports"
State = ImportJob.State
DUE: Final = (State.CHECKING, State.RUNNING, State.UNDOING)
LEASE_SECONDS: Final = 60
SLICE_SECONDS: Final = 20.0
# A file and its rejected rows hold personal data: they go when the import can no longer be taken back.
KEPT_DAYS: Final = 7
LONGEST_CELL: Final = 2_000
MOST_CELLS: Final = 500
CLEANED: Final = 100


class Gone(Exception):
    """The job was paused, cancelled, or taken over by somebody else."""


def work() -> int:
    """A slice of the oldest job that nobody works on. Answers the rows it moved."""
    token = secrets.token_hex(8)
    job = _claim(token)
    if job is None:
        return 0
    try:
        return _STEPS[State(job.state)](job, token)
    except Gone:
        return 1
    except OperationalError:
        log.exception("import interrupted", extra={"event": "import_interrupted", "job": job.pk})
        return 0
    except (Problem, Problems) as wrong:
        _fail(job, token, str(wrong))
        return 1
    except Exception:
        log.exception("import failed", extra={"event": "import_failed", "job": job.pk})
        _fail(job, token, "")
        return 1
    finally:
        ImportJob.objects.filter(pk=job.pk, lease=token).update(lease="", lease_until=None)


def pending() -> int:
    return ImportJob.objects.filter(state__in=DUE).count()


def clean() -> int:
    """Files and rejected rows that are no longer needed go. Answers how many jobs were cleaned."""
    before = clock.now() - timedelta(days=KEPT_DAYS)
    old = ImportJob.objects.exclude(path="").exclude(state__in=DUE).filter(asked_at__lt=before).order_by("pk")
    done = list(old[:CLEANED])
    for job in done:
        files.forget(job.path)
        ImportReject.objects.filter(job=job).delete()
        ImportedItem.objects.filter(job=job).delete()
        ImportJob.objects.filter(pk=job.pk).update(path="", check_found={})
    return len(done)


def cleaning_due() -> int:
    """Nothing waits for it."""
    return 0


def _claim(token: str) -> ImportJob | None:
    now = clock.real()
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_importjob SET lease = %s, lease_until = %s WHERE id = (
                 SELECT id FROM crm_importjob WHERE state = ANY(%s) AND (lease_until IS NULL OR lease_until < %s)
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id""",
            [token, now + timedelta(seconds=LEASE_SECONDS), [str(each) for each in DUE], now],
        )
        row = cursor.fetchone()
    return ImportJob.objects.get(pk=row[0]) if row else None


def _ours(job: ImportJob, token: str, changes: dict[str, Any], added: dict[str, int] | None = None) -> None:
    """Write how far it is, if the job is still ours and wanted. Raises Gone else: the caller's work is undone."""
    sets = [f"{name} = %s" for name in changes] + [f"{name} = {name} + %s" for name in added or {}]
    values = [*changes.values(), *(added or {}).values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE crm_importjob SET {", ".join(sets)}, lease_until = %s
                WHERE id = %s AND lease = %s AND state = %s""",  # noqa: S608 - our own names
            [*values, clock.real() + timedelta(seconds=LEASE_SECONDS), job.pk, token, job.state],
        )
        if not cursor.rowcount:
            raise Gone


def _run(job: ImportJob, token: str) -> int:
    """The next pieces of the file."""
    opened = kinds.opened(job)
    began, moved = time.monotonic(), 0
    staging.make_tables()
    with closing(opened.pieces(job.line)) as pieces:  # type: ignore[type-var]
        for piece in pieces:
            with transaction.atomic():
                outcome = opened.bring(piece)
                keep_rejects(job.pk, outcome.rejects, checked=False)
                moved += outcome.rows
                speed = int(moved / max(time.monotonic() - began, 0.001))
                _ours(job, token, {"line": piece.line, "speed": speed}, _sums(outcome))
                _mark_touched(job, outcome.touched)
            if time.monotonic() - began > SLICE_SECONDS:
                return moved
    _finish(job, token)
    return max(moved, 1)


def _sums(outcome: Outcome) -> dict[str, int]:
    return {
        "rows": outcome.rows,
        "created": outcome.created,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "rejected": len(outcome.rejects),
        "touched": len(outcome.touched),
        "outranked": outcome.outranked,
    }


def keep_rejects(job: int, rejects: list[Reject], *, checked: bool) -> None:
    arrays.insert(
        "crm_importreject",
        {"job_id": "bigint", "checked": "boolean", "line": "int", "cells": "jsonb", "code": "text", "detail": "text"},
        [(job, checked, one.line, _storable(one.cells), one.code, _clean(one.detail)[:600]) for one in rejects],
    )


def _storable(row: list[str]) -> list[str]:
    return [_clean(cell)[:LONGEST_CELL] for cell in row[:MOST_CELLS]]


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _mark_touched(job: ImportJob, contacts: list[int]) -> None:
    """Tell the rules whom a piece touched; of a file with many, all are asked anew at its end."""
    job.touched += len(contacts)
    if job.touched <= jobs.MANY:
        arrays.insert("crm_dirty", {"contact": "bigint", "mention": "text"}, [(each, "*") for each in contacts])


def _finish(job: ImportJob, token: str) -> None:
    with transaction.atomic():
        _ours(job, token, {"finished_at": clock.now(), "state": State.DONE})
        job.refresh_from_db()
        if job.touched > jobs.MANY:
            jobs.ask_all_rules()
        audit.record(
            kinds.owner(job),
            f"import {job.kind}",
            f"import:{publicids.encode('imp', job.pk)}",
            None,
            {name: getattr(job, name) for name in ("rows", "created", "updated", "unchanged", "rejected")},
        )
        bell.ring("crm.segments")


def _check(job: ImportJob, token: str) -> int:
    """What would become of the whole file; begun anew when it was interrupted, because nothing came of it."""
    ImportReject.objects.filter(job=job, checked=True).delete()
    opened = kinds.opened(job)
    found = checking.Found()
    staging.make_tables()
    staging.forget_seen()
    with closing(opened.pieces(0)) as pieces:  # type: ignore[type-var]
        for piece in pieces:
            with transaction.atomic():
                outcome = opened.judge(piece)
                found.add(outcome, opened.rows(piece))
                keep_rejects(job.pk, outcome.rejects, checked=True)
                _ours(job, token, {"rows": found.rows})
    _ours(
        job,
        token,
        {"state": State.CHECKED, "rows": 0, "total": found.rows, "check_found": arrays.as_json(found.told())},
    )
    return max(found.rows, 1)


def _undo(job: ImportJob, token: str) -> int:
    began, moved = time.monotonic(), 0
    while True:
        with transaction.atomic():
            step = undoing.take_back(job, clock.now())
            job.undo_at, job.stayed = step.place, dict(Counter(job.stayed) + step.stayed)
            _ours(
                job,
                token,
                {"undo_at": step.place, "stayed": arrays.as_json(job.stayed)},
                {"undone": step.undone, "kept": step.kept},
            )
            if step.ended:
                _ours(job, token, {"state": State.UNDONE})
                audit.record(kinds.owner(job), "import undone", f"import:{publicids.encode('imp', job.pk)}", None, None)
                return max(moved, 1)
        moved += step.undone + step.kept
        if time.monotonic() - began > SLICE_SECONDS:
            return max(moved, 1)


def _fail(job: ImportJob, token: str, trouble: str) -> None:
    ImportJob.objects.filter(pk=job.pk, lease=token, state=job.state).update(
        state=State.DRAFT if job.state == State.CHECKING else State.FAILED, trouble=(trouble or "unexpected")[:400]
    )


_STEPS: Final[dict[State, Callable[[ImportJob, str], int]]] = {
    State.CHECKING: _check,
    State.RUNNING: _run,
    State.UNDOING: _undo,
}
