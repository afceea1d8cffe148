"""A nested rule over the whole base, against one hand-written statement on the same tables.

Tier and country and e-mail consent, bought at least twice in 30 days, opened nothing in 90.
The floor is what a careful person writes for exactly this question: it knows that a consent
may run out, and nothing of pauses, missing values, or people who are gone.
"""

from __future__ import annotations

import os
from datetime import timedelta

from benchmarks import ground

CONTACTS = int(os.environ.get("BENCH_CONTACTS", "1000000"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "5000000"))
NOW = ground.EPOCH
ROUNDS = 5

NESTED = {
    "all": [
        {"f": "fields.tier", "op": "in", "v": ["gold", "silver"]},
        {"f": "contact.country", "op": "is", "v": "ES"},
        {"f": "consent.offers.email", "op": "is", "v": "granted"},
        {
            "event": "Order Completed",
            "did": True,
            "count": {"op": ">=", "v": 2},
            "in_last": {"value": 30, "unit": "days"},
        },
        {"none": [{"event": "Message Opened", "did": True, "in_last": {"value": 90, "unit": "days"}}]},
    ]
}
WIDE = {
    "all": [
        {"f": "consent.offers.email", "op": "is", "v": "granted"},
        {"event": "Message Opened", "did": False, "in_last": {"value": 90, "unit": "days"}},
    ]
}
EITHER = {
    "any": [
        {"f": "contact.country", "op": "is", "v": "FR"},
        {
            "event": "Order Completed",
            "did": True,
            "count": {"op": ">=", "v": 2},
            "in_last": {"value": 30, "unit": "days"},
        },
    ]
}

FLOORS = {
    "nested": """
SELECT count(*) FROM crm_contact c
WHERE c.fields ->> 'tier' IN ('gold', 'silver') AND c.country = 'ES'
  AND c.id IN (SELECT contact_id FROM crm_consentstate WHERE purpose = 'offers' AND channel = 'email'
               AND state = 'granted' AND (expires_at IS NULL OR expires_at > %(now)s))
  AND c.id IN (SELECT contact_id FROM crm_event WHERE name = 'Order Completed'
               AND occurred_at > %(d30)s AND occurred_at <= %(now)s GROUP BY contact_id HAVING count(*) >= 2)
  AND NOT EXISTS (SELECT FROM crm_event e WHERE e.contact_id = c.id AND e.name = 'Message Opened'
                  AND e.occurred_at > %(d90)s AND e.occurred_at <= %(now)s)""",
    "wide": """
SELECT count(*) FROM crm_contact c
WHERE c.id IN (SELECT contact_id FROM crm_consentstate WHERE purpose = 'offers' AND channel = 'email'
               AND state = 'granted' AND (expires_at IS NULL OR expires_at > %(now)s))
  AND NOT EXISTS (SELECT FROM crm_event e WHERE e.contact_id = c.id AND e.name = 'Message Opened'
                  AND e.occurred_at > %(d90)s AND e.occurred_at <= %(now)s)""",
    "either": """
SELECT count(*) FROM crm_contact c
WHERE c.country = 'FR'
   OR c.id IN (SELECT contact_id FROM crm_event WHERE name = 'Order Completed'
               AND occurred_at > %(d30)s AND occurred_at <= %(now)s GROUP BY contact_id HAVING count(*) >= 2)""",
}
RULES = {"nested": NESTED, "wide": WIDE, "either": EITHER}


def main() -> None:
    print(f"segments: {CONTACTS:,} contacts, {EVENTS:,} events")
    ground.people(CONTACTS)
    ground.events(CONTACTS, EVENTS)
    ground.sql("VACUUM ANALYZE")
    for name in RULES:
        compare(name)


def compare(name: str) -> None:
    """Both ways in turns, so that a busy moment hits both; the best of each counts."""
    from crm.segments import audience, parse

    rule = parse.parse(RULES[name])
    params = {"now": NOW, "d30": NOW - timedelta(days=30), "d90": NOW - timedelta(days=90)}
    ours, floors, found, wanted = [], [], 0, 0
    for _round in range(ROUNDS):
        with ground.stopwatch() as took:
            found = audience.count(rule, NOW)
        ours.append(took[0])
        with ground.stopwatch() as took:
            wanted = floor(FLOORS[name], params)
        floors.append(took[0])
    if found != wanted:
        raise AssertionError(f"{name}: the rule finds {found}, the floor {wanted}")
    ground.report(
        ground.Figure(
            f"segment {name}, {CONTACTS:,} contacts",
            min(ours) * 1000,
            min(floors) * 1000,
            "ms",
            "≤ 1.2 × the floor",
            f"{found:,} match",
        )
    )


def floor(statement: str, params: dict[str, object]) -> int:
    """With the same room for hash tables as the product gives itself."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")
        cursor.execute(statement, params)
        return int(cursor.fetchone()[0])
