"""`manage.py tick --once`: one batch of everything that is due, in order."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import work


class Command(BaseCommand):
    help = "Do one round of everything that is due; prints how many rows each round moved, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end (the only way; said for clarity)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps({"moved": work.tick().moved}))
