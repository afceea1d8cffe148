"""`manage.py purge_unconfirmed [--dry-run]`: remove people who never confirmed and are known by nothing else."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from crm import clock, publicids, unconfirmed


class Command(BaseCommand):
    help = "Remove people who were asked to confirm 30 days ago, never did, and are known by nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say whom it would remove, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now, total = clock.now(), 0
        while found := unconfirmed.purge(now, dry_run=options["dry_run"], actor="command"):
            total += len(found)
            for number in found:
                self.stdout.write(publicids.encode("ctc", number))
            if options["dry_run"] or len(found) < unconfirmed.BATCH:
                break
        self.stdout.write(f"{total} would go" if options["dry_run"] else f"{total} removed")
