"""The classes of data of this floor: what they are, why they are kept, and how what has had its time goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from crm import clock, exports, registry, unconfirmed
from crm.identity import merging
from crm.imports import work as imports
from crm.retention import Kept
from crm.rights import erasure

# Years without a purchase, a visit, an open or click, or anything they said: nobody waits for them (CNIL's three
# years for prospects). Whoever bought stays: their purchases have duties of their own.
SILENT: Final = """
SELECT c.id FROM crm_contact c
WHERE c.created_at < %(before)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL AND NOT c.restricted
  AND NOT EXISTS (SELECT FROM crm_erasure e WHERE e.contact_id = c.id)
  AND NOT EXISTS (SELECT FROM crm_order o WHERE o.contact_id = c.id)
  AND NOT EXISTS (SELECT FROM crm_consentreceipt r WHERE r.contact_id = c.id AND r.recorded_at >= %(before)s
                  AND r.action <> 'expired')
  AND NOT EXISTS (SELECT FROM crm_event e WHERE e.contact_id = c.id AND e.occurred_at >= %(before)s
                  AND (e.name LIKE 'Message %%' IS FALSE OR e.name IN ('Message Opened', 'Message Clicked',
                       'Message Replied'))
                  AND e.name NOT IN ('Segment Entered', 'Segment Left', 'Stage Changed', 'Consent Changed'))
ORDER BY c.id LIMIT %(limit)s"""
KEYS: Final = "FROM crm_eventkey WHERE occurred_at < %(before)s"
INVITED: Final = "FROM crm_invitation WHERE expires_at < %(before)s"
DOWNLOADS: Final = "FROM crm_exportjob WHERE state = 'ready' AND expires_at <= %(now)s"
FILES: Final = "FROM crm_importjob WHERE path <> '' AND asked_at < %(before)s AND NOT state = ANY(%(busy)s)"
MERGES: Final = "FROM crm_mergejournal j JOIN crm_contactmerge m ON m.id = j.merge_id WHERE m.at < %(before)s"
ANSWERS: Final = "FROM crm_idempotencyrecord WHERE created_at < %(before)s"


def counted(rows: str, before: datetime, limit: int, **more: Any) -> int:
    """How many rows, up to `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT {rows} LIMIT %(limit)s) t",  # noqa: S608 - our own words
            {"before": before, "limit": limit, **more},
        )
        return int(cursor.fetchone()[0])


def deleted(table: str, condition: str, key: str, before: datetime, limit: int) -> int:
    """Delete rows of a table, at most so many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {condition} LIMIT %(limit)s)",  # noqa: S608
            {"before": before, "limit": limit},
        )
        return int(cursor.rowcount)


def _silent(before: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(SILENT, {"before": before, "limit": limit})
        return len(cursor.fetchall())


def _forget_silent(before: datetime, limit: int) -> int:
    """Each of them is erased as if they had asked."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SILENT, {"before": before, "limit": limit})
            found = [number for (number,) in cursor.fetchall()]
        for number in found:
            erasure.ask(number, actor="retention", via="retention", now=clock.now())
    return len(found)


registry.retention.add("prospects", Kept(
    _("Contacts who have long been silent"),
    _("Nobody who never bought, and has not been heard of for years, expects to be kept. They are erased."),
    0, 180, 3_650, _silent, _forget_silent, advice=1_095,
), order=10)  # fmt: skip
registry.retention.add("unconfirmed", Kept(
    _("Sign-ups that were never confirmed"), _("Made up by machines, mostly. They would be counted as people."),
    30, 30, 30, lambda _before, limit: len(unconfirmed.due(clock.now(), limit)),
    lambda _before, _limit: len(unconfirmed.purge(clock.now())), elsewhere=True,
), order=20)  # fmt: skip
registry.retention.add("imports", Kept(
    _("Files that were brought in, and their rejected rows"), _("An import can be taken back for a week."),
    7, 7, 7, lambda before, limit: counted(f"1 {FILES}", before, limit, busy=["checking", "running", "undoing"]),
    lambda _before, _limit: imports.clean(), elsewhere=True,
), order=30)  # fmt: skip
registry.retention.add("downloads", Kept(
    _("Files that wait to be downloaded"), _("Whoever asked has a day to fetch them."),
    1, 1, 1, lambda before, limit: counted(f"1 {DOWNLOADS}", before, limit, now=clock.now()),
    lambda _before, _limit: exports.forget(clock.now()), elsewhere=True,
), order=40)  # fmt: skip
registry.retention.add("merges", Kept(
    _("How two contacts looked before they were merged"), _("A merge can be undone for 30 days."),
    30, 30, 30, lambda before, limit: counted(f"1 {MERGES}", before, limit),
    lambda _before, _limit: merging.clean(), elsewhere=True,
), order=50)  # fmt: skip
registry.retention.add("answers", Kept(
    _("Answers to requests of other systems"), _("The same request sent twice gets the same answer for a week."),
    7, 7, 7, lambda before, limit: counted(f"1 {ANSWERS}", before, limit),
    lambda before, limit: deleted("crm_idempotencyrecord", "created_at < %(before)s", "id", before, limit),
), order=60)  # fmt: skip
registry.retention.add("event_keys", Kept(
    _("Numbers by which events are known to be new"), _("An event that is sent again is stored once."),
    400, 400, 400, lambda before, limit: counted(f"1 {KEYS}", before, limit),
    lambda before, limit: deleted("crm_eventkey", "occurred_at < %(before)s", "event_id", before, limit),
), order=70)  # fmt: skip
registry.retention.add("invitations", Kept(
    _("Invitations that ran out"), _("They hold the address of a colleague who never came."),
    30, 1, 3_650, lambda before, limit: counted(f"1 {INVITED}", before, limit),
    lambda before, limit: deleted("crm_invitation", "expires_at < %(before)s", "id", before, limit),
), order=80)  # fmt: skip
registry.retention.add("receipts", Kept(
    _("Consent receipts and the audit log"), _("They are the proof. Erasing a person empties them of words."), 0, 0, 0,
), order=300)  # fmt: skip
registry.retention.add("orders", Kept(
    _("Purchases, and what happened"),
    _("Books must be kept, and rules look back. They stay until the person is erased."),
    0, 0, 0,
), order=310)  # fmt: skip
