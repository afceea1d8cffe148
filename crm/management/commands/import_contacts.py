"""`manage.py import_contacts FILE.csv --mapping '{"email": "E-mail"}' [--consent '{…}']`."""

from __future__ import annotations

from crm.imports import contacts
from crm.imports.command import ImportCommand
from crm.imports.jobs import Job, Summary


class Command(ImportCommand):
    help = "Bring contacts in from a CSV file; a JSON summary is on the last line."
    kind = "contacts"
    takes_consent = True

    def bring(self, job: Job, columns: object, consent: object) -> Summary:
        return contacts.run(job.path, columns, consent, job=job)
