"""An import is taken back, a batch at a time: what else it brought by its notes (`giving_back`), contacts here.

Whoever it made, and nobody has touched since, is archived and let go of: no name, no address, no card, so that the
right file brings them as new. Whoever it changed is as they were, but for what was changed again meanwhile. Receipts
stay, because they are the proof of what was believed; behind each comes one that ends it as `expired`: nobody said
no, so a later import with a proof of its own may ask to be believed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from crm import arrays, consent, publicids
from crm.imports import giving_back, kinds, staging
from crm.models import ImportJob

BATCH: Final = 500
# Why somebody stays: they, or somebody with them, did something since.
USED: Final = "used"
# Where somebody who has done something with a contact since has left a row.
LIFE: Final = (
    "crm_event", "crm_order", "crm_cart", "crm_note", "crm_task", "crm_contacttag", "crm_groupmember",
    "crm_listmember", "channels_message", "campaigns_enrolment",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """Where it is, how many it took back and left alone, why those, and whether that was the last."""

    place: int
    undone: int = 0
    kept: int = 0
    stayed: Counter[str] = field(default_factory=Counter)
    ended: bool = False


def take_back(job: ImportJob, now: datetime) -> Step:
    """The next batch, in the caller's transaction."""
    back = giving_back.take_back(job, now) if job.kind != "contacts" else None
    if back is not None:
        _look_anew(back.contacts)
        return Step(job.undo_at, back.gone, sum(back.stayed.values()), +back.stayed)
    rows = _rows(
        "SELECT id, contact_id, fresh FROM crm_importedcontact WHERE job_id = %s AND id > %s ORDER BY id LIMIT %s",
        [job.pk, job.undo_at, BATCH],
    )
    if not rows:
        return Step(job.undo_at, ended=True)
    everybody = sorted({contact for _, contact, _ in rows})
    fresh = sorted({contact for _, contact, new in rows if new})
    held = _rows("SELECT id, restricted FROM crm_contact WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [everybody])
    still = {contact for contact, restricted in held if restricted}  # kept, and not changed
    untouched = _untouched(job, fresh)
    _end_consents(job, everybody, now)
    _let_go(untouched, now)
    restored = _restore(job, sorted(set(everybody) - set(untouched) - still), now)
    _look_anew(everybody)
    if job.kind != "contacts":  # people whom purchases made: what was brought is the purchases
        return Step(rows[-1][0])
    kept = len(fresh) - len(untouched)
    return Step(rows[-1][0], len(untouched) + restored, kept, Counter({USED: kept}))


def _look_anew(contacts: Sequence[int]) -> None:
    """Every rule, of these contacts."""
    arrays.insert("crm_dirty", {"contact": "bigint", "mention": "text"}, [(each, "*") for each in contacts])


def _untouched(job: ImportJob, fresh: Sequence[int]) -> list[int]:
    lives = " AND ".join(f"NOT EXISTS (SELECT FROM {table} t WHERE t.contact_id = c.id)" for table in LIFE)
    return [
        number
        for (number,) in _rows(
            f"""SELECT c.id FROM crm_contact c WHERE c.id = ANY(%(fresh)s)
                AND c.merged_into_id IS NULL AND NOT EXISTS (SELECT FROM crm_contact m WHERE m.merged_into_id = c.id)
                AND NOT EXISTS (SELECT FROM crm_contactchange h WHERE h.contact_id = c.id AND h.actor <> %(actor)s)
                AND NOT EXISTS (SELECT FROM crm_identifier i WHERE i.contact_id = c.id AND i.source <> %(source)s)
                AND NOT EXISTS (SELECT FROM crm_consentreceipt r
                                WHERE r.contact_id = c.id AND right(r.source, length(%(mark)s)) <> %(mark)s)
                AND {lives}""",  # noqa: S608 - our own names
            _named(job) | {"fresh": list(fresh)},
        )
    ]


def _end_consents(job: ImportJob, contacts: Sequence[int], now: datetime) -> None:
    """Every permission that rests on this import alone ends."""
    resting = _rows(
        """SELECT s.contact_id, s.purpose, s.channel, s.address_id, s.basis FROM crm_consentstate s
           JOIN crm_consentreceipt r ON r.id = s.receipt_id
           WHERE s.contact_id = ANY(%(contacts)s) AND s.state <> 'expired' AND r.action = 'granted'
             AND right(r.source, length(%(mark)s)) = %(mark)s ORDER BY s.contact_id, s.id""",
        _named(job) | {"contacts": list(contacts)},
    )
    consent.record(
        [
            consent.Statement(
                contact, purpose, channel, "expired", basis, "operator",
                f"undo of import {publicids.encode('imp', job.pk)}"[:300], address_id=address,
            )
            for contact, purpose, channel, address, basis in resting
        ],
        now=now,
    )  # fmt: skip


def _let_go(contacts: Sequence[int], now: datetime) -> None:
    _rows("DELETE FROM crm_identifier WHERE contact_id = ANY(%s) RETURNING 1", [list(contacts)])
    _rows("DELETE FROM crm_contactchange WHERE contact_id = ANY(%s) RETURNING 1", [list(contacts)])
    emptied = ", ".join(
        f"{name} = {'NULL' if name in staging.TYPES else repr('')}"
        for name in staging.COLUMNS
        if not name.startswith("zone")
    )
    _rows(
        f"""UPDATE crm_contact SET {emptied}, fields = '{{}}', archived_at = %s, updated_at = %s
            WHERE id = ANY(%s) RETURNING 1""",  # noqa: S608 - our own names
        [now, now, list(contacts)],
    )


def _restore(job: ImportJob, contacts: Sequence[int], now: datetime) -> int:
    """Fields as they were before, and without what the import added. Answers how many were changed."""
    added = _rows(
        "DELETE FROM crm_identifier WHERE contact_id = ANY(%(contacts)s) AND source = %(source)s"
        " AND NOT EXISTS (SELECT FROM crm_importedcontact n WHERE n.job_id = %(job)s"
        " AND n.contact_id = crm_identifier.contact_id AND n.fresh) RETURNING contact_id",
        _named(job) | {"contacts": list(contacts)},
    )
    columns = (*staging.COLUMNS, "fields")
    restored = _rows(
        f"""
        WITH was AS (
          SELECT DISTINCT ON (h.contact_id, e.key) h.contact_id, e.key, e.value
          FROM crm_contactchange h, jsonb_each(h.before) e
          WHERE h.contact_id = ANY(%(contacts)s) AND h.actor = %(actor)s AND e.key = ANY(%(columns)s)
            AND NOT EXISTS (SELECT FROM crm_contactchange l WHERE l.contact_id = h.contact_id AND l.id > h.id
                            AND l.actor <> %(actor)s AND l.before -> e.key IS NOT NULL)
          ORDER BY h.contact_id, e.key, h.id
        ), whole AS (
          SELECT contact_id, jsonb_object_agg(key, value) AS before FROM was GROUP BY contact_id
        ), noted AS (
          INSERT INTO crm_contactchange (contact_id, at, before, actor)
          SELECT c.id, %(now)s, (SELECT jsonb_object_agg(k, to_jsonb(c) -> k) FROM jsonb_object_keys(w.before) k),
            %(undo)s FROM whole w JOIN crm_contact c ON c.id = w.contact_id
        )
        UPDATE crm_contact c SET ({", ".join(columns)}) = (
          SELECT {", ".join(f"r.{name}" for name in columns)} FROM jsonb_populate_record(c, w.before) r),
          field_sources = c.field_sources - array(SELECT name FROM jsonb_object_keys(c.field_sources) name
            WHERE jsonb_exists(w.before, split_part(name, '.', 1))),
          updated_at = %(now)s
        FROM whole w WHERE c.id = w.contact_id RETURNING c.id""",  # noqa: S608 - our own names
        _named(job) | {"contacts": list(contacts), "columns": list(columns), "now": now},
    )
    return len({number for (number,) in (*added, *restored)})


def _named(job: ImportJob) -> dict[str, Any]:
    return {
        "job": job.pk,
        "actor": kinds.actor(job),
        "undo": f"{kinds.actor(job)} undone",
        "source": kinds.name(job)[:120],
        "mark": kinds.mark(job),
    }


def _rows(statement: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
