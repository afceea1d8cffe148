"""`manage.py seed_demo --contacts N --weeks W --seed S`: the demo shop, through the real doors."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import demo, demo_life
from crm import clock


class Command(BaseCommand):
    help = "Fill this installation with a demo shop; the same seed tells the same story."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--contacts", type=int, default=settings.DEMO_CONTACTS)
        parser.add_argument("--weeks", type=int, default=settings.DEMO_WEEKS, help="0: only what stands there today")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *_: Any, **options: Any) -> None:
        clock.refresh()
        contacts, weeks, seed = options["contacts"], options["weeks"], options["seed"]
        now = clock.now()
        made = demo_life.seed(contacts, weeks, seed, now) if weeks else demo.seed(contacts, seed, now)
        self.stdout.write(json.dumps(made))
