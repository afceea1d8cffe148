"""The classes of data of this floor: what they are, why they are kept, and how what has had its time goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _say
from django.utils.translation import gettext_lazy as _

from crm import clock, exports, patience, registry, retention, unconfirmed
from crm.errors import Problem
from crm.identity import merging
from crm.imports import work as imports
from crm.models import Segment
from crm.retention import Kept
from crm.rights import erasure
from crm.segments import fixed

# What we write down ourselves: none of it says that somebody is still there.
OURS: Final = (
    "Contact Created", "Contacts Merged", "Contacts Separated", "Segment Entered", "Segment Left", "Stage Requested",
    "Stage Changed", "Consent Requested", "Consent Changed", "Processing Restricted", "Processing Resumed",
)  # fmt: skip
# So many are asked to be erased in one transaction: the audit log waits for it.
FEW: Final = 50
# Whose time is over so soon can be put on a list; how long somebody waits for it (milliseconds).
NOTICE: Final = timedelta(days=90)
PATIENCE: Final = 20_000
# Of messages, what people do with them; a machine that opens every mail is nobody (it stands in `machine`).
HEARD: Final = ("Message Opened", "Message Clicked", "Message Replied")
# Years without a purchase, a visit, an open or click, or anything they said: nobody waits for them (CNIL's three
# years for prospects). Whoever bought stays: their purchases have duties of their own. All of them at once: with the
# limit inside, the months of events are merged row by row (14 s instead of 1 s at 3 million).
SILENT: Final = """
WITH silent AS MATERIALIZED (
SELECT c.id FROM crm_contact c
WHERE c.created_at < %(before)s AND c.erased_at IS NULL AND c.merged_into_id IS NULL AND NOT c.restricted
  AND NOT EXISTS (SELECT FROM crm_erasure e WHERE e.contact_id = c.id)
  AND NOT EXISTS (SELECT FROM crm_order o WHERE o.contact_id = c.id)
  AND NOT EXISTS (SELECT FROM crm_consentreceipt r WHERE r.contact_id = c.id AND r.recorded_at >= %(before)s
                  AND r.action <> 'expired')
  AND NOT EXISTS (SELECT FROM crm_event e WHERE e.contact_id = c.id AND e.occurred_at >= %(before)s
                  AND (e.name NOT LIKE 'Message %%' OR e.name = ANY(%(heard)s)) AND e.name <> ALL(%(ours)s)
                  AND e.properties->>'machine' IS DISTINCT FROM 'true')
  AND (%(among)s::bigint[] IS NULL OR c.id = ANY(%(among)s)))
SELECT id FROM silent ORDER BY id LIMIT %(limit)s"""
KEYS: Final = "FROM crm_eventkey WHERE occurred_at < %(before)s"
INVITED: Final = "FROM crm_invitation WHERE expires_at < %(before)s"
DOWNLOADS: Final = "FROM crm_exportjob WHERE state = 'ready' AND expires_at <= %(now)s"
FILES: Final = "FROM crm_importjob WHERE path <> '' AND asked_at < %(before)s AND NOT state = ANY(%(busy)s)"
MERGES: Final = "FROM crm_mergejournal j JOIN crm_contactmerge m ON m.id = j.merge_id WHERE m.at < %(before)s"
ASKERS: Final = "asked_at < %(before)s AND ip_hash <> ''"
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
    """Delete rows of a table, at most so many; those that somebody else holds are left for the next time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""DELETE FROM {table} WHERE {key} IN (
                  SELECT {key} FROM {table} WHERE {condition} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)""",  # noqa: S608
            {"before": before, "limit": limit},
        )
        return int(cursor.rowcount)


def _emptied_askers(before: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE crm_confirmation SET ip_hash = '' WHERE id IN (
                  SELECT id FROM crm_confirmation WHERE {ASKERS} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)""",  # noqa: S608
            {"before": before, "limit": limit},
        )
        return int(cursor.rowcount)


def silent(before: datetime, limit: int, among: Sequence[int] | None = None) -> list[int]:
    """Who has not been heard of since, up to `limit`; of these people, or of all."""
    asked: dict[str, Any] = {
        "before": before, "limit": limit, "heard": list(HEARD), "ours": list(OURS),
        "among": None if among is None else list(among),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(SILENT, asked)
        return [number for (number,) in cursor.fetchall()]


def _forget_silent(before: datetime, limit: int) -> int:
    """Each of them is erased as if they had asked, few at a time; whoever came back meanwhile stays."""
    gone, found = 0, silent(before, limit)
    for start in range(0, len(found), FEW):
        with transaction.atomic():
            still = silent(before, FEW, found[start : start + FEW])
            for number in still:
                erasure.ask(number, actor="retention", via="retention", now=clock.now())
        gone += len(still)
    return gone


def soon(*, actor: str, now: datetime) -> Segment:
    """A fixed list of the silent whose time is over within `NOTICE`, to be written to once more. Raises Problem."""
    rule = registry.retention.get("prospects")
    kept = timedelta(days=retention.days("prospects") or (rule.advice if rule else 0))
    try:
        with patience.within(PATIENCE):
            found = silent(now + NOTICE - kept, retention.MOST)
    except patience.TooSlow:
        raise Problem("", "too_slow", _say("Finding them takes too long to wait for it.")) from None
    if not found:
        raise Problem("", "nobody", _say("Nobody is due within %(n)s days.") % {"n": NOTICE.days})
    name = _say("Silent, to be asked once more (%(day)s)") % {"day": date_format(now, "SHORT_DATE_FORMAT")}
    return fixed.fixed(name, found, actor=actor, now=now)


registry.retention.add("prospects", Kept(
    _("Contacts who have long been silent"),
    _("Nobody who never bought, and has not been heard of for years, expects to be kept. They are erased."),
    0, 180, 3_650, lambda before, limit: len(silent(before, limit)), _forget_silent,
    advice=1_095, people=True,
), order=10)  # fmt: skip
registry.retention.add("unconfirmed", Kept(
    _("Sign-ups that were never confirmed"), _("Made up by machines, mostly. They would be counted as people."),
    30, 30, 30, lambda _before, limit: len(unconfirmed.due(clock.now(), limit)),
    lambda _before, _limit: len(unconfirmed.purge(clock.now())), elsewhere=True,
), order=20)  # fmt: skip
registry.retention.add("askers", Kept(
    _("Fingerprints of the internet addresses of sign-ups"),
    _("They stop machines that sign up hundreds. The address itself is never kept there."),
    30, 1, 400, lambda before, limit: counted(f"1 FROM crm_confirmation WHERE {ASKERS}", before, limit),
    _emptied_askers,
), order=25)  # fmt: skip
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
registry.retention.add("requests", Kept(
    _("Requests to the API"), _("Integrators look up what they sent and were answered."),
    14, 1, 90, lambda before, limit: counted("1 FROM crm_requestlog WHERE at < %(before)s", before, limit),
    lambda before, limit: deleted("crm_requestlog", "at < %(before)s", "id", before, limit),
), order=65)  # fmt: skip
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
