"""Which days' figures a fact changes: noted as facts are answered, so that a late one is found too.

The one writer of StaleDay. A day is noted after its fact has been committed, and the note is taken away in
the transaction that counts the day again: a fact is never missed, and counting twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection

from crm import arrays, moments, workspace
from crm.timeline import Fact

ORDERS: Final = ("sales", "repeat_rate", "campaign_revenue")
TAKEN_BACK: Final = ("Order Refunded", "Order Cancelled")
GONE: Final = ("withdrawn", "objected")


def follow(facts: Sequence[Fact]) -> None:
    """Note the days of these facts. At most three queries, however many they are."""
    zone = workspace.current().zone
    stale: set[tuple[str, date]] = set()
    for fact in facts:
        stale.update((metric, moments.local_day(fact.occurred_at, zone)) for metric in _touched(fact))
    taken_back = {str(fact.properties.get("order_id")) for fact in facts if fact.name in TAKEN_BACK}
    for instant in _ordered(taken_back):
        stale.update((metric, moments.local_day(instant, zone)) for metric in ORDERS)
    bounced = {fact.properties.get("message_id") for fact in facts if fact.name == "Message Bounced"}
    for instant in _sent({number for number in bounced if isinstance(number, int)}):
        # It was told to have been sent a moment after it was counted: that may be the next day.
        day = moments.local_day(instant, zone)
        stale.update({("opt_outs", day), ("opt_outs", day + timedelta(days=1))})
    note(stale)


def join(pairs: Sequence[tuple[int, int]]) -> None:
    """Two contacts are one person: who bought twice, and how many withdrew on a day, may be others now."""
    zone = workspace.current().zone
    losers = [loser for loser, _ in pairs]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 'repeat_rate', min(occurred_at) FROM crm_order WHERE contact_id = ANY(%s) HAVING count(*) > 0
               UNION ALL
               SELECT 'opt_outs', occurred_at FROM crm_event
               WHERE contact_id = ANY(%s) AND name = 'Consent Changed' AND properties->>'action' = ANY(%s)""",
            [losers, losers, list(GONE)],
        )
        note({(metric, moments.local_day(at, zone)) for metric, at in cursor.fetchall()})


def note(stale: Iterable[tuple[str, date]]) -> None:
    """These days of these metrics are to be counted again."""
    arrays.insert("analytics_staleday", {"metric": "text", "day": "date"}, sorted(set(stale)))


def take(metric: str) -> set[date]:
    """The days noted for a metric; the notes go with the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_staleday WHERE metric = %s RETURNING day", [metric])
        return {day for (day,) in cursor.fetchall()}


def waiting() -> dict[str, set[date]]:
    """What is noted: metric -> days."""
    found: dict[str, set[date]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT metric, day FROM analytics_staleday")
        for metric, day in cursor.fetchall():
            found.setdefault(metric, set()).add(day)
    return found


def _touched(fact: Fact) -> tuple[str, ...]:
    if fact.name == "Order Completed":
        return ORDERS
    if fact.name == "Card Linked" and not fact.historic:
        return ("cards",)
    if fact.name == "Message Sent":
        return ("opt_outs",)
    if fact.name == "Consent Changed" and fact.properties.get("action") in GONE:
        return ("opt_outs",)
    return ()


def _ordered(order_ids: set[str]) -> list[datetime]:
    if not order_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT occurred_at FROM crm_order WHERE order_id = ANY(%s)", [sorted(order_ids)])
        return [at for (at,) in cursor.fetchall()]


def _sent(messages: set[int]) -> list[datetime]:
    if not messages:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT counted_at FROM channels_message WHERE id = ANY(%s) AND counted_at IS NOT NULL", [sorted(messages)]
        )
        return [at for (at,) in cursor.fetchall()]
