"""`manage.py seed_demo --contacts N --seed S`: the demo shop, through the real doors."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import demo
from crm import clock


class Command(BaseCommand):
    help = "Fill this installation with a demo shop; the same seed tells the same story."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--contacts", type=int, default=300)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *_: Any, **options: Any) -> None:
        clock.refresh()
        made = demo.seed(options["contacts"], options["seed"], clock.now())
        self.stdout.write(json.dumps(made))
