"""The segments that are kept up, parsed once per process and revision, in an order in which
each comes after the segments it asks about."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from crm.errors import Problems
from crm.segments import parse
from crm.segments.grammar import ANYTHING, Rule

log = logging.getLogger(__name__)

_parsed: dict[tuple[int, int], Rule | None] = {}


@dataclass(frozen=True)
class Live:
    """A segment as it stands. `level` 0 asks about no other segment, 1 only about those of 0 …"""

    id: int
    rule: Rule
    mentions: frozenset[str]
    built: bool
    scanned_to: datetime | None
    as_of: datetime | None
    level: int = 0

    def touched_by(self, mention: str) -> bool:
        return mention == ANYTHING or mention in self.mentions


def segments() -> list[Live]:
    """All live segments, by level. One query; a second one after somebody has edited."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, revision, built_revision = revision, scanned_to, as_of
               FROM crm_segment WHERE archived_at IS NULL ORDER BY id"""
        )
        rows = cursor.fetchall()
    _parse_missing([(row[0], row[1]) for row in rows])
    found = {
        row[0]: Live(row[0], rule, rule.mentions(), *row[2:])
        for row in rows
        if (rule := _parsed.get((row[0], row[1]))) is not None
    }
    return sorted(_levelled(found), key=lambda live: (live.level, live.id))


def forget() -> None:
    """Parse anew (the database was replaced under this process)."""
    _parsed.clear()


def _parse_missing(wanted: Sequence[tuple[int, int]]) -> None:
    missing = [key for key in wanted if key not in _parsed]
    for old in set(_parsed) - set(wanted):
        del _parsed[old]
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, revision, rule::text FROM crm_segment WHERE id = ANY(%s)", [[number for number, _ in missing]]
        )
        for segment, revision, rule in cursor.fetchall():
            _parsed[segment, revision] = _read(segment, rule)


def _read(segment: int, rule: str) -> Rule | None:
    try:
        return parse.parse(parse.from_text(rule))
    except Problems as problems:
        # A leaf that is gone from the code: this segment stands still, the others go on.
        log.warning(
            "segment cannot be read", extra={"event": "segment_unreadable", "segment": segment, "error": str(problems)}
        )
        return None


def _levelled(found: Mapping[int, Live]) -> list[Live]:
    levels: dict[int, int] = {}

    def level(segment: int, above: tuple[int, ...]) -> int:
        if segment not in found or segment in above:  # gone, or a circle that `edit` did not make
            return -1
        if segment not in levels:
            inner = [level(other, (*above, segment)) for other in sorted(found[segment].rule.segments())]
            levels[segment] = 1 + max(inner, default=-1)
        return levels[segment]

    return [_at(live, level(live.id, ())) for live in found.values()]


def _at(live: Live, level: int) -> Live:
    values: dict[str, Any] = {**live.__dict__, "level": level}
    return Live(**values)
