"""`manage.py erase_contact ctc_… | anna@example.com`: what would go and stay; with `--yes` it is done."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import clock, identity, publicids
from crm.errors import Problem
from crm.rights import erasure, plan, walk


class Command(BaseCommand):
    help = "Show what erasing somebody would do; with --yes, do it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", help="the contact's id (ctc_…), or an e-mail address of theirs")
        parser.add_argument("--yes", action="store_true", help="erase, and wait until nothing is left")
        parser.add_argument(
            "--walk", action="store_true", help="then search every column of words of the whole database (slow)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        number = _number(options["contact"])
        found = plan.of(number)
        for words, count in {**found.gone, "Other traces": found.other}.items():
            self.stdout.write(f"goes   {count:>8}  {words}")
        for words, count in found.emptied.items():
            self.stdout.write(f"stays  {count:>8}  {words}, without saying whose")
        if not options["yes"]:
            self.stdout.write("Nothing was erased. Say --yes to do it.")
            return
        clues = erasure.clues_of(number)
        try:
            erasure.ask(number, actor="command", via="command", now=clock.now())
        except Problem as problem:
            raise CommandError(str(problem)) from None
        if not erasure.finish(number):
            self.stdout.write("All processing ended. The rest goes when the message that is on its way has arrived.")
            return
        self.stdout.write("Erased.")
        if options["walk"]:
            for place, count in walk.found(clues).items():
                self.stdout.write(f"still in {count} rows of {place}: look at it by hand")


def _number(text: str) -> int:
    try:
        if text.startswith("ctc_"):
            return publicids.decode("ctc", text)
        number = identity.find({"email": text})
    except Problem as problem:
        raise CommandError(str(problem)) from None
    if number is None:
        raise CommandError(f"Nobody is known as {text!r}.")
    return number
