"""Who a rule finds: all of them, how many, some of them, is this one in, and why.

The face of the package for other modules; how membership is kept up is `upkeep`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from crm.models import Contact, SegmentMember
from crm.segments.grammar import PEOPLE, Placed, Rule
from crm.segments.question import answers, query, whole_base
from crm.segments.sql import every, join
from crm.segments.upkeep import MembershipChange, drift, refresh, refresh_full

__all__ = [
    "Clause",
    "Explanation",
    "MembershipChange",
    "answers",
    "clauses",
    "contacts",
    "count",
    "drift",
    "explain",
    "members",
    "query",
    "refresh",
    "refresh_full",
    "sample",
    "whole_base",
]

SAMPLE = 10


@dataclass(frozen=True)
class Clause:
    """One condition and how it stands for one contact."""

    pointer: str
    sentence: str
    matches: bool
    seen: Any
    needed: Any


@dataclass(frozen=True)
class Explanation:
    """Does the contact match, and why."""

    matches: bool
    clauses: tuple[Clause, ...]


def contacts(rule: Rule, now: datetime) -> QuerySet[Contact]:
    """The contacts the rule finds, as a queryset."""
    found = query(rule, now)
    return Contact.objects.filter(pk__in=RawSQL(found.text, found.params))  # noqa: S611 - our own text


def count(rule: Rule, now: datetime, *, known_at: datetime | None = None) -> int:
    """How many contacts the rule finds."""
    asked = join("SELECT count(*) FROM crm_contact WHERE {}", every([PEOPLE, rule.q(now, known_at=known_at)]))
    with whole_base(), connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return int(cursor.fetchone()[0])


def sample(rule: Rule, now: datetime, size: int = SAMPLE) -> list[int]:
    """The ids of some contacts the rule finds: the newest."""
    asked = join("{} ORDER BY crm_contact.id DESC LIMIT {}", query(rule, now), size)
    with whole_base(), connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        return [contact for (contact,) in cursor.fetchall()]


def clauses(rule: Rule) -> list[Rule]:
    """Each condition of the rule as a rule of its own, in the order written."""
    return [Rule(placed) for placed in rule.placed()]


def members(segment_id: int) -> QuerySet[SegmentMember]:
    """Who stands in a segment, as it was last kept up."""
    return SegmentMember.objects.filter(segment_id=segment_id).order_by("contact_id")


def explain(rule: Rule, contact_id: int, now: datetime) -> Explanation:
    """Does this contact match, and how does each condition stand? One query."""
    placed = rule.placed()
    pieces = [piece for each in placed for piece in (each.leaf.q(now, few=True), each.leaf.seen(now))]
    asked = join(
        "SELECT {}, {}" + ", ({}), ({})" * len(placed) + " FROM crm_contact WHERE crm_contact.id = {}",  # noqa: S608
        PEOPLE,
        rule.q(now, few=True),
        *pieces,
        contact_id,
    )
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.params)
        row = cursor.fetchone()
    if row is None:
        return Explanation(matches=False, clauses=tuple(_clause(each, matches=False, seen=None) for each in placed))
    there, holds, *stands = row
    pairs = zip(placed, stands[::2], stands[1::2], strict=True)
    return Explanation(
        there and holds, tuple(_clause(each, matches=matches, seen=seen) for each, matches, seen in pairs)
    )


def _clause(placed: Placed, *, matches: bool, seen: Any) -> Clause:
    shown = json.loads(seen) if isinstance(seen, str) else seen
    return Clause(placed.pointer, placed.leaf.sentence(), matches, shown, placed.leaf.needed())
