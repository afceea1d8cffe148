"""`manage.py drain --until-idle --timeout S`: rounds until nothing is due or leased."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import work


class Command(BaseCommand):
    help = "Do rounds until nothing is due or leased; prints counts as JSON on the last line. Exits 1 on timeout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="go on until idle (the default)")
        parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds after which to give up")

    def handle(self, *args: Any, **options: Any) -> None:
        tally = work.drain(options["timeout"])
        idle = not any(tally.pending.values())
        self.stdout.write(json.dumps({"idle": idle, "moved": tally.moved, "pending": tally.pending}))
        if not idle:
            sys.exit(1)
