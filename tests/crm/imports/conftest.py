"""Files that Ada brings, and the way they go through the wizard without a browser."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import clock
from crm.imports import files, steering, work
from crm.models import ImportJob, User

Bring = Callable[..., ImportJob]
CONSENT = {
    "purposes": ["offers"], "channels": ["email"], "basis": "consent", "method": "paper_form",
    "source": "Card forms", "occurred_at": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.CAUCE_HOME = tmp_path


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser("ada@example.com", "-", name="Ada")


@pytest.fixture
def bring(ada: User) -> Iterator[Bring]:
    """The file through all steps, up to where `until` says; what it came to."""

    def run(
        content: str | bytes, name: str = "club.csv", kind: str = "contacts", *, until: str = "done", **said: Any
    ) -> ImportJob:
        raw = content.encode() if isinstance(content, str) else content
        kept = files.keep(SimpleUploadedFile(name, raw))
        job = steering.begin(kept, kind, owner=ada.pk, now=clock.now(), after=said.get("after"))
        reading: dict[str, Any] = {
            key: said[key] for key in ("policy", "keep", "dates", "encoding", "delimiter", "source") if key in said
        }
        if reading or "columns" in said:
            steering.say_columns(job, said.get("columns", job.mapping), reading)
        if "consent" in said:
            steering.say_consent(job, said["consent"])
        if until == "draft":
            return job
        steering.check(job)
        settle()
        job.refresh_from_db()
        if until == "checked" or job.state != "checked":
            return job
        steering.start(job, actor=f"user:{ada.pk}")
        if until == "running":
            return job
        settle()
        job.refresh_from_db()
        return job

    return run  # type: ignore[return-value]


def settle() -> None:
    for _ in range(200):
        if not work.work():
            return
    raise AssertionError("the import never ends")


def xlsx(rows: list[list[Any]]) -> bytes:
    found = io.BytesIO()
    book = xlsxwriter.Workbook(found, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    book.close()
    return found.getvalue()
