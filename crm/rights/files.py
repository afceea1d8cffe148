"""Files that came in or went out, and hold somebody who was erased: they go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from crm import exports
from crm.imports import files
from crm.models import ExportJob, ImportJob

# Of an import that is under way the file stays until it is over: its rows of the person are refused.
OVER: Final = ("done", "cancelled", "failed", "undone")
PACKED: Final = (".xlsx", ".zip")
BITE: Final = 1 << 20
# As long as what we look for may be.
OVERLAP: Final = 400


def forget(people: Sequence[int], clues: str) -> int:
    """Take away the downloads that wait and the files of imports that are over, where one of the `clues` stands in
    them, or may stand (a packed file is not looked into); a file about one person is theirs. Answers how many."""
    looked = re.compile(clues, re.IGNORECASE)
    theirs, gone = {str(number) for number in people}, 0
    for job in ExportJob.objects.exclude(path=""):
        path = exports.folder() / job.path
        about = job.wish.get("which", {}).get("contact")
        if about in theirs if about else _holds(path, looked):
            path.unlink(missing_ok=True)
            ExportJob.objects.filter(pk=job.pk).update(state=ExportJob.State.GONE, path="")
            gone += 1
    for brought in ImportJob.objects.filter(state__in=OVER):
        if brought.path and _holds(files.folder() / brought.path, looked):
            files.forget(brought.path)
            ImportJob.objects.filter(pk=brought.pk).update(path="")
            gone += 1
        if brought.rejected_file and _holds(Path(brought.rejected_file), looked):
            Path(brought.rejected_file).unlink(missing_ok=True)
            ImportJob.objects.filter(pk=brought.pk).update(rejected_file="")
            gone += 1
    return gone


def _holds(path: Path, looked: re.Pattern[str]) -> bool:
    if not path.is_file():
        return False
    if path.suffix in PACKED:
        return True
    before = ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        while part := file.read(BITE).replace("\0", ""):  # also where letters have two bytes
            if looked.search(before + part):
                return True
            before = part[-OVERLAP:]
    return False
