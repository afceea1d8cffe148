"""Merges a chunk of checked rows into contacts, set by set: the bulk form of `crm.identity`.

A chunk is COPYed into temporary tables and merged by a fixed number of statements in one
transaction. Nobody's traces appear twice in a chunk (the caller sees to it), so each row
is one person: found by an identifier, or new.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from crm import arrays

COLUMNS = (
    "given_name", "family_name", "sort_name", "language", "timezone", "zone", "zone_source", "country",
    "region", "city", "postal_code", "birth_date", "home_store_id",
)  # fmt: skip
TYPES = {"birth_date": "date", "home_store_id": "bigint"}


@dataclass
class Person:
    """One checked row. `traces`: (kind, value, medium or None, address hash or None)."""

    line: int
    cells: list[str]
    traces: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    store_zone: str = ""


class Chunk:
    """People ready to be copied. The texts are made where the chunk is made: in the reader's thread."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = people
        self.contacts = "".join(
            _line((person.line, *map(person.fields.get, COLUMNS), person.custom or None)) for person in people
        )
        self.traces = "".join(_line((person.line, *trace)) for person in people for trace in person.traces)


@dataclass
class Merged:
    """What became of a chunk: lines by verdict, and the contacts touched."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ambiguous: list[int] = field(default_factory=list)  # identifiers of two contacts
    again: list[int] = field(default_factory=list)  # a person already met in this chunk
    touched: list[int] = field(default_factory=list)


class Raced(Exception):  # noqa: N818 - not an error: the chunk is merged again
    """Somebody else took one of the identifiers meanwhile."""


def make_tables() -> None:
    """The temporary tables of this connection."""
    texts = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE TEMP TABLE IF NOT EXISTS staged_contact (line int, {texts}, fields jsonb)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_trace (line int, kind text COLLATE "C", value text COLLATE "C",
              medium text COLLATE "C", hash text COLLATE "C") ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_place (line int, contact_id bigint, fresh boolean)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_touched (contact_id bigint) ON COMMIT DELETE ROWS;
        """)


def merge(chunk: Chunk, *, source: str, actor: str, now: datetime) -> Merged:
    """Merge a chunk inside the caller's transaction. Raises Raced when it must be merged again."""
    # A commit empties them; a merge that is part of a larger transaction may find the last chunk.
    _run("DELETE FROM staged_contact; DELETE FROM staged_trace; DELETE FROM staged_place; DELETE FROM staged_touched")
    _copy("staged_contact", ("line", *COLUMNS, "fields"), chunk.contacts)
    _copy("staged_trace", ("line", "kind", "value", "medium", "hash"), chunk.traces)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE staged_trace; ANALYZE staged_contact")
    merged = Merged()
    merged.ambiguous, merged.again = _place()
    for statement in (_CONTACTS, _BEFORE, _UPDATE, _ADDRESSES, _IDENTIFIERS):
        _run(statement, {"now": now, "source": source, "actor": actor})
    if _run(_STRAY)[0][0]:
        raise Raced
    return merged


def newly_reachable() -> list[tuple[int, int]]:
    """(contact, address) of the chunk where a statement has been waiting for an address."""
    return [(contact, address) for contact, address in _run("""
        SELECT DISTINCT p.contact_id, a.id FROM staged_place p
        JOIN crm_consentstate s ON s.contact_id = p.contact_id AND s.address_id IS NULL
        JOIN staged_trace t USING (line) JOIN crm_address a ON a.medium = t.medium AND a.hash = t.hash
        WHERE NOT p.fresh""")]


def settle(merged: Merged) -> Merged:
    """Count the verdicts once everything about the chunk (consents too) has been written."""
    row = _run("""
        WITH touched AS (SELECT DISTINCT contact_id FROM staged_touched)
        SELECT count(*) FILTER (WHERE p.fresh), count(*) FILTER (WHERE NOT p.fresh AND t.contact_id IS NOT NULL),
               count(*) FILTER (WHERE NOT p.fresh AND t.contact_id IS NULL),
               array_agg(p.contact_id) FILTER (WHERE p.fresh OR t.contact_id IS NOT NULL)
        FROM staged_place p LEFT JOIN touched t USING (contact_id)""")[0]
    merged.created, merged.updated, merged.unchanged = row[:3]
    merged.touched = row[3] or []
    return merged


# --- the statements ------------------------------------------------------------------------

_PLACE = """
INSERT INTO staged_place
SELECT s.line, coalesce(m.contact_id, nextval(pg_get_serial_sequence('crm_contact', 'id'))), m.contact_id IS NULL
FROM staged_contact s LEFT JOIN (
  SELECT t.line, min(i.contact_id) AS contact_id, count(DISTINCT i.contact_id) AS people
  FROM staged_trace t JOIN crm_identifier i ON i.kind = t.kind AND i.value = t.value AND i.identifying
  GROUP BY t.line
) m USING (line) WHERE coalesce(m.people, 0) < 2
"""
_AMBIGUOUS = "SELECT line FROM staged_contact WHERE line NOT IN (SELECT line FROM staged_place)"
_AGAIN = """
DELETE FROM staged_place WHERE line IN (
  SELECT line FROM (SELECT line, row_number() OVER (PARTITION BY contact_id ORDER BY line) AS n
                    FROM staged_place WHERE NOT fresh) each WHERE n > 1) RETURNING line
"""
_LOCK = """
SELECT count(*) FROM (SELECT FROM crm_contact WHERE id IN (SELECT contact_id FROM staged_place WHERE NOT fresh)
                      ORDER BY id FOR NO KEY UPDATE) locked
"""
_CONTACTS = f"""
INSERT INTO crm_contact (id, {", ".join(COLUMNS)}, fields, source, created_at, updated_at)
SELECT p.contact_id,
  {", ".join(f"s.{column}" if column in TYPES else f"coalesce(s.{column}, '')" for column in COLUMNS)},
  coalesce(s.fields, '{{}}'), %(source)s, %(now)s, %(now)s
FROM staged_place p JOIN staged_contact s USING (line) WHERE p.fresh
"""
# An empty cell says nothing; it never empties what is known. A zone of our own guessing
# does not replace one that somebody declared.
_NEW = f"""
SELECT c.id, {", ".join(
    f"coalesce(s.{column}, c.{column}) AS {column}" for column in COLUMNS if not column.startswith("zone")
)}, CASE WHEN s.zone_source = 'workspace' OR (c.zone_source = 'contact' AND s.zone_source <> 'contact')
       THEN c.zone ELSE coalesce(s.zone, c.zone) END AS zone,
  CASE WHEN s.zone_source = 'workspace' OR (c.zone_source = 'contact' AND s.zone_source <> 'contact')
       THEN c.zone_source ELSE coalesce(s.zone_source, c.zone_source) END AS zone_source,
  c.fields || coalesce(s.fields, '{{}}') AS fields
FROM staged_place p JOIN staged_contact s USING (line) JOIN crm_contact c ON c.id = p.contact_id WHERE NOT p.fresh
"""
_ALL = (*(column for column in COLUMNS if not column.startswith("zone")), "zone", "zone_source", "fields")
_DIFFERS = f"({', '.join(f'c.{column}' for column in _ALL)}) IS DISTINCT FROM ({', '.join(f'n.{column}' for column in _ALL)})"
_BEFORE = f"""
INSERT INTO crm_contactchange (contact_id, at, before, actor)
SELECT c.id, %(now)s, (
    SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(to_jsonb(c)) was
    JOIN jsonb_each(to_jsonb(n)) becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value
  ), %(actor)s
FROM crm_contact c JOIN ({_NEW}) n ON n.id = c.id WHERE {_DIFFERS}
"""
_UPDATE = f"""
WITH changed AS (
  UPDATE crm_contact c SET {", ".join(f"{column} = n.{column}" for column in _ALL)}, updated_at = %(now)s
  FROM ({_NEW}) n WHERE n.id = c.id AND {_DIFFERS} RETURNING c.id
) INSERT INTO staged_touched SELECT id FROM changed
"""
_ADDRESSES = """
INSERT INTO crm_address (medium, value, hash, created_at)
SELECT DISTINCT ON (t.medium, t.hash) t.medium, t.value, t.hash, %(now)s::timestamptz
FROM staged_trace t JOIN staged_place p USING (line) WHERE t.medium IS NOT NULL ORDER BY t.medium, t.hash
ON CONFLICT DO NOTHING
"""
# A value that two people share identifies neither, and so not a third.
_IDENTIFIERS = """
WITH added AS (
  INSERT INTO crm_identifier (contact_id, kind, value, address_id, identifying, source, created_at)
  SELECT p.contact_id, t.kind, t.value, a.id, a.id IS NULL OR NOT EXISTS (
      SELECT FROM crm_identifier o WHERE o.address_id = a.id AND NOT o.identifying), %(source)s, %(now)s
  FROM staged_trace t JOIN staged_place p USING (line)
  LEFT JOIN crm_address a ON a.medium = t.medium AND a.hash = t.hash
  ORDER BY t.kind, t.value ON CONFLICT DO NOTHING RETURNING contact_id
) INSERT INTO staged_touched SELECT contact_id FROM added
"""
_STRAY = """
SELECT count(*) FROM staged_trace t JOIN staged_place p USING (line) WHERE NOT EXISTS (
  SELECT FROM crm_identifier i WHERE i.contact_id = p.contact_id AND i.kind = t.kind AND i.value = t.value)
"""


def _place() -> tuple[list[int], list[int]]:
    _run(_PLACE)
    ambiguous = [line for (line,) in _run(_AMBIGUOUS)]
    again = [line for (line,) in _run(_AGAIN)]
    _run(_LOCK)
    return ambiguous, again


def _run(statement: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or {})
        return list(cursor.fetchall()) if cursor.description else []


_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _line(values: Iterable[Any]) -> str:
    """A row as COPY reads it; None is NULL."""
    cells = []
    for value in values:
        text = value if isinstance(value, str) else arrays.text(value)
        if text is None:
            cells.append("\\N")
        else:
            cells.append(text.translate(_ESCAPES) if _SPECIAL.search(text) else text)
    return "\t".join(cells) + "\n"


def _copy(table: str, columns: Sequence[str], text: str) -> None:
    with connection.cursor() as cursor:
        cursor.copy_from(io.StringIO(text), table, columns=columns)
