"""A fair part of very many rows: all whose id lies in one of some hundred short ranges, spread evenly.

Ranges are found by an index each, so that a part costs what it holds and not what it is a part of. They
lie at other places in each stripe, so that nothing that comes round regularly in the ids is met more or
less often; and always at the same, so that a question is answered the same twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from crm import arrays
from crm.segments.sql import Sql, join

STRIPES: Final = 500
# Steps of the golden section never fall into step with anything.
_GOLDEN: Final = 0.6180339887498949

IDS: Final = """SELECT part.id FROM unnest({}::bigint[], {}::bigint[]) AS range(first, beyond)
CROSS JOIN LATERAL (SELECT c.id FROM crm_contact c
  WHERE c.id >= range.first AND c.id < range.beyond OFFSET 0) AS part"""
MEMBERS: Final = """SELECT part.id FROM unnest({}::bigint[], {}::bigint[]) AS range(first, beyond)
CROSS JOIN LATERAL (SELECT m.contact_id AS id FROM crm_segmentmember m WHERE m.segment_id = {}
  AND m.contact_id >= range.first AND m.contact_id < range.beyond OFFSET 0) AS part"""

ENDS: Final = """SELECT s.id, low.id, high.id FROM unnest(%s::bigint[]) AS s(id)
CROSS JOIN LATERAL (SELECT m.contact_id AS id FROM crm_segmentmember m WHERE m.segment_id = s.id
  ORDER BY m.contact_id LIMIT 1) AS low
CROSS JOIN LATERAL (SELECT m.contact_id AS id FROM crm_segmentmember m WHERE m.segment_id = s.id
  ORDER BY m.contact_id DESC LIMIT 1) AS high"""


def ranges(first: int, last: int, share: float, stripes: int = STRIPES) -> list[tuple[int, int]]:
    """(first, one beyond the last) of each range; together they hold about `share` of all ids. Pure."""
    ids = last - first + 1
    if ids <= 0:
        return []
    width = -(-ids // max(1, min(stripes, ids)))
    taken = max(1, round(width * share))
    if share >= 1 or taken >= width:
        return [(first, last + 1)]
    found = []
    for place, start in enumerate(range(first, last + 1, width)):
        begin = start + int(place * _GOLDEN % 1 * (width - taken + 1))
        found.append((begin, min(begin + taken, last + 1)))
    return [(begin, end) for begin, end in found if begin < end]


def contacts(share: float) -> list[int]:
    """Ids of about this share of all contacts, whatever has become of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM crm_contact")
        first, last = cursor.fetchone()
        return _fetched(cursor, join(IDS, *_columns(ranges(first or 1, last or 0, share))))


def members(segment_id: int, share: float) -> list[int]:
    """Ids of about this share of a segment's people."""
    first, last = ends([segment_id]).get(segment_id, (1, 0))
    with connection.cursor() as cursor:
        return _fetched(cursor, join(MEMBERS, *_columns(ranges(first, last, share)), segment_id))


def ends(segments: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The lowest and the highest contact of each of these segments that has people."""
    with connection.cursor() as cursor:
        cursor.execute(ENDS, [arrays.numbers(segments)])
        return {number: (first, last) for number, first, last in cursor.fetchall()}


def thinned(ids: Sequence[int], most: int) -> list[int]:
    """At most so many of them: one out of each equal run, not always the same place of it. Pure."""
    if len(ids) <= most:
        return list(ids)
    return [ids[int((place + place * _GOLDEN % 1) * len(ids) / most)] for place in range(most)]


def _columns(found: Sequence[tuple[int, int]]) -> tuple[str, str]:
    return arrays.numbers([begin for begin, _ in found]), arrays.numbers([end for _, end in found])


def _fetched(cursor: CursorWrapper, asked: Sql) -> list[int]:
    cursor.execute(asked.text, asked.params)
    return [number for (number,) in cursor.fetchall()]
