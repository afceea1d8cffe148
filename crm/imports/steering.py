"""A job of the wizard from its file to its end: what somebody says of it, and what they do with it.

The one writer of a job beside `work`, which moves it on. Every change asks in its own statement whether the job is
still where it was: two windows and a worker do not undo one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from crm import audit, bell, clock, ownfields, publicids
from crm.errors import Problem, Problems
from crm.imports import cells, files, goods, guess, jobs, kinds, mapping, orders, staging, work
from crm.imports.files import Kept
from crm.imports.tables import Rejected, Row
from crm.models import ImportedItem, ImportJob

State = ImportJob.State
SAMPLE: Final = 2_000
UNDO_DAYS: Final = 7
# What a file with mended rows has of the one it mends.
CARRIED: Final = ("policy", "keep", "dates", "source")
# From which states somebody may bring it to another.
EDGES: Final[dict[str, tuple[State, ...]]] = {
    State.DRAFT: (State.DRAFT, State.CHECKED, State.CHECKING),
    State.CHECKING: (State.DRAFT, State.CHECKED),
    State.RUNNING: (State.DRAFT, State.CHECKED, State.PAUSED, State.FAILED),
    State.PAUSED: (State.RUNNING,),
    State.CANCELLED: (State.DRAFT, State.CHECKED, State.CHECKING, State.RUNNING, State.PAUSED, State.FAILED),
    State.UNDOING: (State.DONE, State.CANCELLED),
}
DATES: Final = ("birth_date", guess.SINCE, "occurred_at", "at")


@dataclass(frozen=True)
class Sample:
    """The beginning of a file: its heads, the cells below each, the first rows, and how many were looked at."""

    heads: list[str]
    columns: list[list[str]]
    rows: list[Row]
    unread: list[Rejected]
    encoding: str
    delimiter: str


def begin(
    kept: Kept, kind: str, *, owner: int | None, now: datetime, after: ImportJob | None = None, asker: str = ""
) -> ImportJob:
    """A file has come: its columns are guessed. `after`: the import whose rejected rows it mends; `asker`: the key
    that brought it, where nobody of the office did.

    Raises Problems when its header cannot be read; then the file is gone.
    """
    job = ImportJob(
        kind=kind,
        filename=kept.name,
        digest=jobs.digest(files.folder() / kept.path),
        path=kept.path,
        size=kept.size,
        total=kept.rows,
        owner_id=owner,
        state=State.DRAFT,
        started_at=now,
        asked_at=now,
        reading={"policy": staging.FILL} | ({"asker": asker} if asker else {}),
    )
    try:
        found = sample(job)
        job.reading |= {"encoding": found.encoding, "delimiter": found.delimiter}
        if after is not None and set(after.mapping.values()) <= set(found.heads):
            job.mapping, job.consent = after.mapping, after.consent
            job.reading |= {
                key: after.reading[key] for key in ("policy", "keep", "dates", "source") if key in after.reading
            }
        else:
            suggest(job, found)
    except BaseException:
        files.forget(kept.path)
        raise
    job.save()
    return job


def sample(job: ImportJob) -> Sample:
    """The beginning of the file as it is read now. Raises Problems when there is no header in it."""
    table = kinds.table(job)
    rows, unread = [], []
    for row in islice(table, SAMPLE):
        if isinstance(row, Row):
            rows.append(row)
        else:
            unread.append(row)
    columns = [[row.cells[index] for row in rows] for index in range(len(table.header))]
    return Sample(table.header, columns, rows, unread, table.encoding, table.delimiter)


def suggest(job: ImportJob, found: Sample) -> None:
    """What each column is, and how its dates are to be read; "" where somebody must say."""
    own = {key: each.label for key, each in ownfields.known().items()}
    targets = guess.guess(found.heads, found.columns, job.kind, own)
    job.mapping = {target: head for head, target in zip(found.heads, targets, strict=True) if target}
    job.reading |= {"dates": order_of_dates(job, found) or ""}


def order_of_dates(job: ImportJob, found: Sample) -> str | None:
    """The order all mapped dates can be read in; "" where both can, None where there is nothing to ask."""
    texts = [
        text
        for target, head in job.mapping.items()
        if _is_date(target) and head in found.heads
        for text in found.columns[found.heads.index(head)]
    ]
    return cells.order_of(texts)


def say_columns(job: ImportJob, columns: dict[str, str], reading: dict[str, Any]) -> None:
    """Keep what somebody said of the columns. Raises Problems for what cannot be."""
    before = (job.reading.get("encoding"), job.reading.get("delimiter"))
    job.reading = {**job.reading, **reading}
    found = sample(job)
    job.mapping = {target: head for target, head in columns.items() if head in found.heads}
    if (job.reading.get("encoding"), job.reading.get("delimiter")) != before:
        suggest(job, found)
    _keep(job, State.DRAFT, mapping=job.mapping, reading=job.reading, check_found={}, trouble="")


def problems(job: ImportJob, found: Sample) -> list[Problem]:
    """What must be said before it can be checked."""
    wrong: list[Problem] = []
    try:
        columns = mapping.parse(
            {target: head for target, head in job.mapping.items() if target != guess.CONSENT},
            kinds.table(job),
            mapping.KNOWN[job.kind],
            of_people=job.kind not in mapping.GOODS,
        )
        needed = _NEEDED.get(job.kind, ())
        wrong += [Problem(f"/{name}", "required", name) for name in needed if name not in columns.fields]
    except Problem as problem:
        wrong.append(problem)
    except Problems as several:
        wrong += several.problems
    if not job.reading.get("dates") and order_of_dates(job, found) == "":
        wrong.append(Problem("/dates", "ambiguous_date", "Say whether the day or the month comes first."))
    return wrong


_NEEDED: Final = {"orders": orders.REQUIRED, **goods.REQUIRED}


def say_consent(job: ImportJob, consent: dict[str, Any] | None) -> None:
    """Keep what people agreed to; None: they come as not asked. Raises Problems when the proof is not whole."""
    job.consent = consent
    kinds.terms(job)  # reads it
    _keep(job, State.DRAFT, consent=consent, check_found={})


def check(job: ImportJob) -> None:
    _keep(job, State.CHECKING, line=0, rows=0, check_found={}, trouble="", asked_at=clock.now())
    bell.ring(work.ROUND)


def start(job: ImportJob, *, actor: str, unchecked: bool = False) -> None:
    """Go, or go on. What nobody has checked is not begun by mistake."""
    first = job.state in (State.CHECKED, State.DRAFT)
    if job.state == State.DRAFT and not unchecked:
        raise Problem("", "elsewhere", "The import has moved on meanwhile. Look at where it is now.")
    changes: dict[str, Any] = {"trouble": "", "asked_at": clock.now()}
    if first:
        changes |= {"started_at": clock.now(), "rows": 0, "line": 0, "outranked": 0}
    _keep(job, State.RUNNING, **changes)
    audit.record(actor, "import.start" if first else "import.resume", _subject(job), None, {"file": job.filename})
    bell.ring(work.ROUND)


def pause(job: ImportJob, *, actor: str) -> None:
    _keep(job, State.PAUSED)
    audit.record(actor, "import.pause", _subject(job))


def cancel(job: ImportJob, *, actor: str) -> None:
    """No further; what has come in stays until somebody takes it back."""
    begun = job.state in (State.RUNNING, State.PAUSED, State.FAILED)
    _keep(job, State.CANCELLED, finished_at=clock.now())
    audit.record(actor, "import.cancel", _subject(job))
    if not begun:
        files.forget(job.path)
        ImportJob.objects.filter(pk=job.pk).update(path="", check_found={})
        return
    job.refresh_from_db(fields=["touched"])  # a piece may have come in since we looked
    if job.touched > jobs.MANY:
        jobs.ask_all_rules()


def undo(job: ImportJob, *, actor: str) -> None:
    """Take all of it back. Raises Problem when it is too late, or cannot be."""
    if not undoable(job, clock.now()):
        raise Problem("", "too_late", "This import can no longer be taken back.")
    _keep(job, State.UNDOING, undo_at=0, undone=0, kept=0, stayed={}, asked_at=clock.now())
    audit.record(actor, "import.undo", _subject(job))
    bell.ring(work.ROUND)


def undoable(job: ImportJob, now: datetime) -> bool:
    return (
        job.state in EDGES[State.UNDOING]
        and job.created + job.updated > 0
        and job.finished_at is not None
        and now < job.finished_at + timedelta(days=UNDO_DAYS)
        and (job.kind == "contacts" or ImportedItem.objects.filter(job=job).exists())
    )


def _keep(job: ImportJob, state: State, **values: Any) -> None:
    """Write these values and the state, if the job still is where we saw it and that leads there. Raises Problem."""
    rows = ImportJob.objects.filter(pk=job.pk, state=job.state)
    if job.state not in EDGES[state] or not rows.update(state=state, **values):
        raise Problem("", "elsewhere", "The import has moved on meanwhile. Look at where it is now.")
    job.state = state
    for name, value in values.items():
        setattr(job, name, value)


def _is_date(target: str) -> bool:
    own = ownfields.known().get(target.removeprefix("fields."))
    return target in DATES or (target.startswith("fields.") and own is not None and own.kind == "date")


def _subject(job: ImportJob) -> str:
    return f"import:{publicids.encode('imp', job.pk)}"
