"""What an erasure would do, counted before it is done: which rows go, and which stay without saying whose they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from crm.identity import rows
from crm.rights import erasure
from crm.rights.treatment import Treated


@dataclass
class Plan:
    """Words → how many rows. `other`: rows of tables that have no words of their own, all of which go."""

    gone: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    other: int = 0
    merged: int = 0


def of(contact_id: int) -> Plan:
    """Two queries, whatever there is. What was swept together elsewhere (logs, files) is found by the erasure."""
    people = rows.cluster(contact_id)
    parts = [each for each in erasure.treated() if isinstance(each, Treated) and each.empty != {} and not each.queue]
    asked = " UNION ALL ".join(
        f"SELECT {place}, count(*) FROM {each.table} WHERE {each.who}"  # noqa: S608 - our own names
        for place, each in enumerate(parts)
        if each.table != "crm_contact"
    )
    params: dict[str, Any] = {"people": people}
    with connection.cursor() as cursor:
        cursor.execute(asked, params)
        counts = dict(cursor.fetchall())
    plan = Plan(merged=len(people) - 1)
    for place, each in enumerate(parts):
        count = counts.get(place, 0)
        if not each.words:
            plan.other += count if each.empty is None else 0
        elif count:
            told = plan.gone if each.empty is None else plan.emptied
            told[str(each.words)] = told.get(str(each.words), 0) + count
    return plan
