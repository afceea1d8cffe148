"""What a fault test does inside the installation under test, as commands of their own process.

python -m tests.faults.stage prepare COUNT          people and their messages
python -m tests.faults.stage capped CAMPAIGNS       one person, a message of each campaign
python -m tests.faults.stage withdraw COUNT         withdrawals, one a line as it has returned
python -m tests.faults.stage ledger                 every message: id, state, key, started, reason
python -m tests.faults.stage verify                 the offending rows of every invariant
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402

from campaigns.models import Campaign  # noqa: E402
from channels import tracking  # noqa: E402
from channels.models import Message  # noqa: E402
from crm import clock  # noqa: E402
from crm.models import Contact, Workspace  # noqa: E402
from crm.registry import invariants  # noqa: E402
from tests.channels import people  # noqa: E402

Result = TypeVar("Result")


def migrate() -> None:
    call_command("migrate", verbosity=0)


def prepare(count: int) -> None:
    """Marketing messages at any time of day: this workspace has no quiet hours."""
    Workspace.objects.update_or_create(only=True, defaults={"quiet_from": "00:00", "quiet_until": "00:00"})
    for start in range(0, count, 1000):
        people.ask(people.people(min(1000, count - start)), run=start + 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def capped(campaigns: int) -> None:
    Workspace.objects.update_or_create(
        only=True, defaults={"quiet_from": "00:00", "quiet_until": "00:00", "cap_messages": 1}
    )
    (dario,) = people.people(1)
    for number in range(1, campaigns + 1):
        campaign = Campaign.objects.create(name=f"Campaign {number}", document={}, state="live")
        people.ask([dario], campaign_id=campaign.pk, run_id=None, expires_at=clock.now() + timedelta(hours=24))


def withdraw(count: int) -> None:
    ids = patiently(lambda: list(Contact.objects.values_list("pk", flat=True)))
    for number in random.Random(7).sample(ids, count):
        patiently(lambda number=number: _withdraw(number))
        print(number, clock.real().isoformat(), flush=True)


def _withdraw(number: int) -> None:
    with transaction.atomic():
        people.withdraw(Contact.objects.get(pk=number))


def patiently(do: Callable[[], Result]) -> Result:
    """PostgreSQL is being killed as well: again until it is back."""
    end = time.monotonic() + 120
    while True:
        try:
            return do()
        except (DatabaseError, InterfaceError):
            if time.monotonic() > end:
                raise
            connection.close()
            time.sleep(0.2)


def ledger() -> None:
    rows = Message.objects.order_by("id").values_list("id", "contact_id", "state", "reason", "started_at", "attempts")
    print(
        json.dumps([[*row[:4], row[4].isoformat() if row[4] else None, row[5], tracking.key(row[0])] for row in rows])
    )


def verify() -> None:
    found = {}
    with connection.cursor() as cursor:
        for name, each in invariants.items():
            if each.sql:
                cursor.execute(each.sql, list(each.params) or None)
                rows = cursor.fetchall()
                if rows:
                    found[name] = [str(row) for row in rows[:5]]
    print(json.dumps(found))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    {
        "migrate": migrate, "prepare": prepare, "capped": capped, "withdraw": withdraw, "ledger": ledger,
        "verify": verify,
    }[command](*(int(each) for each in rest))  # fmt: skip
