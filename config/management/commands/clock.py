"""`manage.py clock set|advance|show|reset`: move business time under TESTING_CLOCK=1."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm import clock

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(-?)((?:\d+[smhdw])+)")


class Command(BaseCommand):
    help = "Show or move business time; web, workers and SQL follow. Only with TESTING_CLOCK=1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("set", help="make it this instant now").add_argument("instant", help="2026-03-28T09:00:00Z")
        verbs.add_parser("advance", help="move it on").add_argument("span", help="2d, 90m, 1d12h")
        verbs.add_parser("show", help="print it")
        verbs.add_parser("reset", help="let it be the machine's time again")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TESTING_CLOCK:
            raise CommandError("The clock can be moved only with TESTING_CLOCK=1 in the environment of every process.")
        clock.refresh()
        if options["verb"] == "set":
            clock.set_to(_instant(options["instant"]))
        elif options["verb"] == "advance":
            clock.advance(_span(options["span"]))
        elif options["verb"] == "reset":
            clock.reset()
        self.stdout.write(clock.now().isoformat(timespec="seconds").replace("+00:00", "Z"))


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not an instant. Write it like 2026-03-28T09:00:00Z.") from None
    if instant.tzinfo is None:
        raise CommandError(f"{text!r} has no time zone. Write it like 2026-03-28T09:00:00Z.")
    return instant


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise CommandError(f"{text!r} is not a span. Write it like 2d, 90m or 1d12h.")
    parts = re.findall(r"(\d+)([smhdw])", match[2])
    span = timedelta(0)
    for number, unit in parts:
        span += timedelta(**{_UNITS[unit]: int(number)})
    return -span if match[1] else span
