"""Fixed lists made at once: from some contacts, or from all that a rule finds at this moment.

Who is put on a list by hand later is `crm.lists`' work.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from crm import patience
from crm.errors import Problem
from crm.models import FixedList, Segment
from crm.segments import edit
from crm.segments.grammar import PEOPLE, Rule
from crm.segments.question import query, whole_base
from crm.segments.sql import Sql, join

# How long somebody waits for a copy of a whole segment.
PATIENCE_MS: Final = 20_000


def fixed(
    name: str,
    contacts: Collection[int] | Sql,
    *,
    actor: str,
    now: datetime,
    description: str = "",
    taken_from: Any = None,
) -> Segment:
    """A segment with exactly these people, whatever happens to them later; raises `errors.Problems`.

    `contacts`: their ids, or a SELECT of ids. Contacts who are not there (any more) are left out.
    """
    asked = contacts if isinstance(contacts, Sql) else Sql("SELECT unnest(%s::bigint[])", (sorted(set(contacts)),))
    with transaction.atomic():
        made = FixedList.objects.create(created_at=now)
        with whole_base(), connection.cursor() as cursor:
            rows = join(
                """INSERT INTO crm_listmember (list_id, contact_id, since)
                   SELECT {}, crm_contact.id, {} FROM crm_contact WHERE {} AND crm_contact.id IN ({})""",
                made.pk,
                now,
                PEOPLE,
                asked,
            )
            cursor.execute(rows.text, rows.params)
        segment = edit.create(
            name, {"list": made.pk}, actor=actor, now=now, description=description, taken_from=taken_from
        )
        FixedList.objects.filter(pk=made.pk).update(segment=segment)
    return segment


def snapshot(name: str, rule: Rule, *, actor: str, now: datetime, description: str = "") -> Segment:
    """All that the rule finds now, frozen. Raises `Problem` "too_slow" over a base that takes too long."""
    try:
        with patience.within(PATIENCE_MS):
            return fixed(name, query(rule, now), actor=actor, now=now, description=description, taken_from=rule.json)
    except patience.TooSlow as error:
        raise Problem("/kind", "too_slow", "That took too long; save it as a live segment instead.") from error


def is_fixed(segment: Segment) -> bool:
    return isinstance(segment.rule, dict) and "list" in segment.rule
