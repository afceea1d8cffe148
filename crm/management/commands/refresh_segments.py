"""`manage.py refresh_segments [--full]`: compare members with full answers, and mend what differs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from crm import clock
from crm.segments import chores, live, upkeep


class Command(BaseCommand):
    help = (
        "Answer what is due for segments, then compare each with a full answer; prints how many contacts had "
        "drifted, by segment, as JSON. With --full all members are made anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="make all members anew instead of comparing")

    def handle(self, *args: Any, **options: Any) -> None:
        clock.refresh()
        while chores.build(clock.now()) + chores.drain(clock.now()):
            pass
        now = clock.now()
        chores.follow_time(now)
        segments = [segment.id for segment in live.segments() if segment.built]
        if options["full"]:
            changed = {segment: upkeep.refresh_full(segment, now, "full") for segment in segments}
            self.stdout.write(json.dumps({"changed": changed}))
            return
        self.stdout.write(json.dumps({"drift": {segment: chores.check(segment, now) for segment in segments}}))
