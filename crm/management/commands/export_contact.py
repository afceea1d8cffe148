"""`manage.py export_contact ctc_… | person@example.com --out FILE.zip`: a copy of somebody's data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import audit, directory, publicids
from crm.models import Contact
from crm.rights import access_files


class Command(BaseCommand):
    help = "Write a copy of all data of one contact: data.json, data.pdf, and portable/ for another system."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contact", help="the contact's id, or an address or number that names one")
        parser.add_argument("--out", required=True, help="the ZIP to write")

    def handle(self, *args: Any, **options: Any) -> None:
        found = set(directory.by_identifier(options["contact"]))
        contacts = list(Contact.objects.filter(pk__in=found, erased_at=None, merged_into=None)[:2])
        if len(contacts) != 1:
            raise CommandError(f"{len(contacts) or 'Nobody'} of this name: give the id of a contact, as in ctc_7k.")
        place = Path(options["out"])
        # Nobody else on this machine reads it.
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        try:
            count = access_files.write(place, contacts[0])
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        audit.record("command", "export", publicids.encode("ctc", contacts[0].pk), None, {"what": access_files.WHAT})
        self.stdout.write(f"{place}: {count} events")
