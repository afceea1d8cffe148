"""Ada's import outlives its workers: killed at any moment, it goes on where it was, and every row is counted once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from crm import clock
from crm.imports import files, steering, work
from crm.models import Contact, Identifier, ImportJob, ImportReject, User
from tests.crm.imports.conftest import settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.real_processes]

ROWS = 3_000
KILLS = 3
# A worker that takes small pieces, so that there is something between two of them.
WORKER = """
import django; django.setup()
from crm.imports import contacts, work
contacts.CHUNK = 100
work.SLICE_SECONDS = 600.0
print("ready", flush=True)
while work.work():
    pass
"""


def test_adas_import_is_killed_again_and_again_and_its_sums_hold(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = settings.CAUCE_HOME / "media"
    ada = User.objects.create_superuser("ada@example.com", "-", name="Ada")
    lines = (f"p{n}@example.com,Name{n}" if n % 10 else f"bad{n},X" for n in range(ROWS))
    text = "email,first name\n" + "\n".join(lines) + "\n"
    kept = files.keep(SimpleUploadedFile("club.csv", text.encode()))
    job = steering.begin(kept, "contacts", owner=ada.pk, now=clock.now())
    try:
        steering.check(job)
        settle()
        job.refresh_from_db()
        steering.start(job, actor="user:1")
        interrupted = sum(_killed_midway(job.pk) for _ in range(KILLS))
        assert interrupted == KILLS
        settle()
        job.refresh_from_db()
    finally:
        files.forget(kept.path)
    assert job.state == "done"
    assert (job.rows, job.created, job.updated, job.unchanged, job.rejected) == (ROWS, ROWS * 9 // 10, 0, 0, ROWS // 10)
    assert Contact.objects.count() == Identifier.objects.count() == ROWS * 9 // 10
    assert ImportReject.objects.filter(job=job, checked=False).count() == ROWS // 10


def _killed_midway(number: int) -> bool:
    """Start a real process, let it write a piece or two, kill it; was the job in the middle?"""
    before = ImportJob.objects.get(pk=number).rows
    known = connection.get_connection_params()
    where = urlencode({name: known[name] for name in ("host", "port") if known.get(name)})
    url = f"postgres://{known['user']}:{known.get('password') or ''}@/{known['dbname']}?{where}"
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while ImportJob.objects.get(pk=number).rows == before and time.monotonic() < end:
            assert worker.poll() is None, "the worker has ended by itself"
            time.sleep(0.005)
    finally:
        worker.kill()
        worker.wait()
        if worker.stdout:
            worker.stdout.close()
    job = ImportJob.objects.get(pk=number)
    assert job.created + job.updated + job.unchanged + job.rejected == job.rows
    assert work.work() == 0, "the lease of the dead holds until it is over"
    ImportJob.objects.filter(pk=number).update(lease_until=clock.real())
    return before < job.rows < ROWS
