"""An import as a job: its row, its rejected rows in a file, its progress and its sum."""

from __future__ import annotations

import csv
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db import connection

from crm import arrays, audit, clock, tables
from crm.imports.outcomes import Outcome
from crm.imports.tables import Table
from crm.models import ImportJob

# Above this many touched contacts, rules are evaluated anew over everybody: cheaper than one by one.
MANY = 20_000


@dataclass
class Summary:
    """`created + updated + unchanged + rejected = rows`."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejected_file: str | None = None
    touched: list[int] = field(default_factory=list)
    touched_count: int = 0

    def add(self, created: int, updated: int, unchanged: int, touched: list[int]) -> None:
        self.created += created
        self.updated += updated
        self.unchanged += unchanged
        self.rows += created + updated + unchanged
        self.touched_count += len(touched)
        if self.touched_count <= MANY:
            self.touched.extend(touched)

    def as_json(self) -> str:
        shown = {key: value for key, value in asdict(self).items() if not key.startswith("touched")}
        return json.dumps(shown)


class Job:
    """One run over one file. `say` gets a line of progress about once a second. Nobody notes what it brought."""

    journal = 0

    def __init__(self, path: Path, kind: str, *, actor: str, now: datetime, say: Callable[[str], None]) -> None:
        self.path, self.kind, self.actor, self.now, self.say = path, kind, actor, now, say
        self.source = f"import:{path.name}"[:120]
        self._began = self._said = time.monotonic()
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self._rejects_path = settings.CAUCE_HOME / "imports" / f"{path.stem}-{clock.real():%Y%m%d%H%M%S%f}.rejected.csv"
        self._rejected = 0
        self._header: list[str] = []

    @contextmanager
    def open(self, table: Table, columns: Any, consent: Any) -> Iterator[Summary]:
        """The job's row while it runs; the sums when it has ended."""
        self._header = table.header
        row = ImportJob.objects.create(
            kind=self.kind,
            filename=self.path.name,
            digest=digest(self.path),
            mapping=columns,
            consent=consent,
            started_at=self.now,
        )
        summary = Summary()
        try:
            yield summary
        finally:
            if self._file:
                self._file.close()
                summary.rejected_file = str(self._rejects_path)
            summary.rejected = self._rejected
            summary.rows += self._rejected
            for name in ("rows", "created", "updated", "unchanged", "rejected"):
                setattr(row, name, getattr(summary, name))
            row.rejected_file = summary.rejected_file or ""
            row.finished_at = clock.now()
            row.save()
        audit.record(self.actor, f"import {self.kind}", f"import:{row.pk}", None, json.loads(summary.as_json()))

    def reject(self, line: int, cells: list[str], code: str, detail: str) -> None:
        """Keep a rejected row with its line and reason, ready to be mended and brought again."""
        with self._lock:
            if self._file is None:
                self._rejects_path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._rejects_path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow([*self._header, "line", "reason", "remedy"])
            width = len(self._header)
            padded = [tables.harmless(cell) for cell in (*cells, *[""] * width)][: max(width, len(cells))]
            csv.writer(self._file).writerow([*padded, line, code, detail])
            self._rejected += 1

    def take(self, outcome: Outcome, summary: Summary) -> None:
        """Add a piece to the sums; its rejected rows to their file."""
        for one in outcome.rejects:
            self.reject(one.line, one.cells, one.code, one.detail)
        summary.add(outcome.created, outcome.updated, outcome.unchanged, outcome.touched)
        self.progress(summary)

    def progress(self, summary: Summary) -> None:
        if time.monotonic() - self._said >= 1:
            self._said = time.monotonic()
            rows = summary.rows + self._rejected
            self.say(f"{rows} rows, {rows / (self._said - self._began):,.0f} rows/s, {self._rejected} rejected")


def refresh_rules(summary: Summary) -> None:
    """Tell the rules who changed: one by one, or all anew when they are many."""
    if summary.touched_count > MANY:
        ask_all_rules()
    if summary.touched_count <= MANY:
        arrays.insert("crm_dirty", {"contact": "bigint", "mention": "text"}, [(each, "*") for each in summary.touched])


def ask_all_rules() -> None:
    """Everybody is looked at anew by every rule."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_segment SET built_revision = 0 WHERE archived_at IS NULL")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
