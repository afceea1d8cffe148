"""`manage.py import_orders FILE.csv --mapping '{"external_id": "Customer", "order_id": "Order", …}'`."""

from __future__ import annotations

from crm.imports import orders
from crm.imports.command import ImportCommand
from crm.imports.jobs import Job, Summary


class Command(ImportCommand):
    help = "Bring purchases in from a CSV file as history; a JSON summary is on the last line."
    kind = "orders"

    def bring(self, job: Job, columns: object, consent: object) -> Summary:
        return orders.run(job.path, columns, job=job)
