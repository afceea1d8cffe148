"""What the import commands share: options, progress on stderr, the JSON summary on the last line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm import clock
from crm.errors import Problem, Problems
from crm.imports.jobs import Job, Summary


class ImportCommand(BaseCommand):
    kind = ""
    takes_consent = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", required=True, help="JSON: what -> the column's name in the file")
        if self.takes_consent:
            parser.add_argument("--consent", help="JSON: purpose, channels, basis, method, source, occurred_at")

    def handle(self, *_: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        clock.refresh()
        job = Job(path, self.kind, actor="command", now=clock.now(), say=self.stderr.write)
        try:
            consent = _json(options["consent"], "consent") if options.get("consent") else None
            summary = self.bring(job, _json(options["mapping"], "mapping"), consent)
        except Problems as problems:
            raise CommandError("\n".join(str(problem) for problem in problems.problems)) from problems
        except Problem as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(summary.as_json())

    def bring(self, job: Job, columns: object, consent: object) -> Summary:
        """Do the import; each command says how."""
        raise CommandError(f"{type(self).__module__} brings nothing.")


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Problem("", "json", f"--{name} is not JSON: {error}") from None
