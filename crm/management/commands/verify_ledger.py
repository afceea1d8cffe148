"""`manage.py verify_ledger [--json]`: is everything true that must be? Exit 1 with the rows that break it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import ledger

SHOWN = 50


class Command(BaseCommand):
    help = "Ask every invariant of the ledger in one snapshot; exit 1 and name the rows where one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer with one JSON object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = ledger.verify()
        broken = [finding for finding in findings if finding.rows]
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "ok": not broken,
                        "checked": len(findings),
                        "broken": [
                            {
                                "name": finding.name,
                                "promise": finding.promise,
                                "count": len(finding.rows),
                                "rows": [list(row) for row in finding.rows[:SHOWN]],
                            }
                            for finding in broken
                        ],
                    },
                    default=str,
                )
            )
        else:
            for finding in findings:
                self.stdout.write(f"{'broken' if finding.rows else 'ok':<7} {finding.name:<12} {finding.promise}")
                for row in finding.rows[:SHOWN]:
                    self.stdout.write("        " + " · ".join(str(value) for value in row))
        if broken:
            names = ", ".join(finding.name for finding in broken)
            raise CommandError(f"{sum(len(f.rows) for f in broken)} rows break {names}.", returncode=1)
