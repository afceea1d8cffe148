"""`manage.py retention [--dry-run] [--class KEY]`: take what has had its time, or say what it would be."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import clock, registry, retention
from crm.errors import Problem


class Command(BaseCommand):
    help = "Take away data that has had its time (see Settings, How long data is kept), or count it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and take nothing")
        parser.add_argument("--class", dest="key", help=f"one of {', '.join(registry.retention.names())}")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        keys = [options["key"]] if options["key"] else registry.retention.names()
        for key in keys:
            try:
                days = retention.days(key)
                if options["dry_run"]:
                    found, verb = retention.look(key, actor="command", now=now), "would go"
                else:
                    found, verb = retention.sweep(key, actor="command", now=now, seconds=3_600), "went"
            except Problem as problem:
                raise CommandError(problem.detail) from None
            kept = f"{days} days" if days else "for ever"
            broke = " (broke off)" if found.trouble else ""
            self.stdout.write(f"{key:<12} kept {kept:<10} {found.removed:>8} {verb}{broke}")
