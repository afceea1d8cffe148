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
from functools import lru_cache
from typing import Any, Final

from django.db import connection

from crm import arrays
from crm.imports.outcomes import Reject

COLUMNS = (
    "given_name", "family_name", "sort_name", "language", "timezone", "zone", "zone_source", "country",
    "region", "city", "postal_code", "birth_date", "home_store_id",
)  # fmt: skip
# What becomes of somebody who is known already: what the file says is taken, fills what is empty, or is left.
OVERWRITE: Final = "overwrite"
FILL: Final = "fill"
SKIP: Final = "skip"
POLICIES: Final = (FILL, OVERWRITE, SKIP)
BITE: Final = 1 << 20
TYPES = {"birth_date": "date", "home_store_id": "bigint", "fields": "jsonb"}


@dataclass(frozen=True)
class Policy:
    """`keep`: fields of which ours stands although the others are overwritten ("city", "fields.size")."""

    known: str = OVERWRITE
    keep: frozenset[str] = frozenset()

    @property
    def kept(self) -> frozenset[str]:
        return frozenset(_ALL) if self.known == FILL else self.keep & frozenset(_ALL)

    @property
    def kept_keys(self) -> list[str] | None:
        """The shop's own fields of which ours stands; None: all of them."""
        if self.known == FILL:
            return None
        return [name.removeprefix("fields.") for name in sorted(self.keep) if name.startswith("fields.")]


@dataclass
class Person:
    """One checked row. `traces`: (kind, value, medium or None, address hash or None)."""

    line: int
    cells: list[str]
    traces: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    store_zone: str = ""
    agreed: bool = True


class Chunk:
    """People ready to be copied. The texts are made where the chunk is made: in the reader's thread.

    `line`: the last one of it. `rejects`: rows before that line that could not be read.
    """

    def __init__(self, people: Sequence[Person], line: int = 0, rejects: Sequence[Reject] = ()) -> None:
        self.people, self.line, self.rejects = people, line, list(rejects)
        self.refused = "".join(f"{person.line}\n" for person in people if not person.agreed)
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
    skipped: int = 0  # known already, and to be left alone


EVERYTHING_NEW: Final = Policy()


class Raced(Exception):
    """Somebody else took one of the identifiers meanwhile."""


def make_tables() -> None:
    """The temporary tables of this connection."""
    texts = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in COLUMNS)
    changed = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in _ALL)
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE TEMP TABLE IF NOT EXISTS staged_contact (line int, {texts}, fields jsonb)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_trace (line int, kind text, value text COLLATE "C",
              medium text, hash text COLLATE "C") ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_place (line int, contact_id bigint, fresh boolean)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_change (id bigint, {changed}) ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_touched (contact_id bigint) ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_refused (line int) ON COMMIT DELETE ROWS;
        """)


def stage(chunk: Chunk) -> None:
    """Copy a chunk over; what a larger transaction left of the last one goes."""
    _run(
        "DELETE FROM staged_contact; DELETE FROM staged_trace; DELETE FROM staged_place; DELETE FROM staged_touched; "
        "DELETE FROM staged_change; DELETE FROM staged_refused"
    )
    _copy("staged_contact", ("line", *COLUMNS, "fields"), chunk.contacts)
    _copy("staged_trace", ("line", "kind", "value", "medium", "hash"), chunk.traces)
    if chunk.refused:
        _copy("staged_refused", ("line",), chunk.refused)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE staged_trace; ANALYZE staged_contact")


def merge(chunk: Chunk, *, source: str, actor: str, now: datetime, policy: Policy = EVERYTHING_NEW) -> Merged:
    """Merge a chunk inside the caller's transaction. Raises Raced when it must be merged again."""
    stage(chunk)
    merged = Merged()
    merged.ambiguous, merged.again = _place()
    if policy.known == SKIP:
        merged.skipped = len(_run("DELETE FROM staged_place WHERE NOT fresh RETURNING line"))
    _run(_CONTACTS, {"now": now, "source": source, "actor": actor})
    stage_changes(policy)
    for statement in (_BEFORE, _UPDATE, _ADDRESSES, _IDENTIFIERS):
        _run(statement, {"now": now, "source": source, "actor": actor})
    if _run(_STRAY)[0][0]:
        raise Raced
    return merged


def newly_reachable() -> list[tuple[int, int]]:
    """(contact, address) of the chunk where a statement has been waiting for an address."""
    return [
        (contact, address)
        for contact, address in _run("""
        SELECT DISTINCT p.contact_id, a.id FROM staged_place p
        JOIN crm_consentstate s ON s.contact_id = p.contact_id AND s.address_id IS NULL
        JOIN staged_trace t USING (line) JOIN crm_address a ON a.medium = t.medium AND a.hash = t.hash
        WHERE NOT p.fresh""")
    ]


def settle(merged: Merged) -> Merged:
    """Count the verdicts once everything about the chunk (consents too) has been written."""
    row = _run("""
        WITH touched AS (SELECT DISTINCT contact_id FROM staged_touched)
        SELECT count(*) FILTER (WHERE p.fresh), count(*) FILTER (WHERE NOT p.fresh AND t.contact_id IS NOT NULL),
               count(*) FILTER (WHERE NOT p.fresh AND t.contact_id IS NULL),
               array_agg(p.contact_id) FILTER (WHERE p.fresh OR t.contact_id IS NOT NULL)
        FROM staged_place p LEFT JOIN touched t USING (contact_id)""")[0]
    merged.created, merged.updated, merged.unchanged = row[0], row[1], row[2] + merged.skipped
    merged.touched = row[3] or []
    return merged


def journal(job: int) -> None:
    """Note whom the chunk made or changed: what an undo goes by."""
    _run(
        """INSERT INTO crm_importedcontact (job_id, contact_id, fresh)
           SELECT %(job)s, p.contact_id, p.fresh FROM staged_place p
           WHERE p.fresh OR EXISTS (SELECT FROM staged_touched t WHERE t.contact_id = p.contact_id)
           ORDER BY p.line""",
        {"job": job},
    )


def forget_seen() -> None:
    """A check begins: nobody has stood in the file yet."""
    _run("DROP TABLE IF EXISTS staged_seen")
    _run('CREATE TEMP TABLE staged_seen (kind text, value text COLLATE "C", PRIMARY KEY (kind, value))')


def lay_out(chunk: Chunk, policy: Policy) -> None:
    """Stage a chunk to be judged. Nothing is written but tables of this connection, and nobody is locked."""
    stage(chunk)
    _run(_PLACE)
    stage_changes(policy)


def judged(policy: Policy) -> list[tuple[int, str]]:
    """What would become of each row of the chunk that was laid out."""
    doubled = {line for (line,) in _run("SELECT DISTINCT line FROM staged_trace JOIN staged_seen USING (kind, value)")}
    _run("INSERT INTO staged_seen SELECT DISTINCT kind, value FROM staged_trace ON CONFLICT DO NOTHING")
    found = _run(_JUDGED, {"skips": policy.known == SKIP})
    return [(line, "doubled" if line in doubled and verdict != "rejected" else verdict) for line, verdict in found]


# --- the statements ------------------------------------------------------------------------

# LATERAL … LIMIT 1 is a probe of the index for each staged row, whatever the planner thinks of the
# sizes: a chunk must cost the same beside a thousand contacts and beside ten million.
_PLACE = """
INSERT INTO staged_place
SELECT s.line, coalesce(m.contact_id, nextval(pg_get_serial_sequence('crm_contact', 'id'))), m.contact_id IS NULL
FROM staged_contact s LEFT JOIN (
  SELECT t.line, min(i.contact_id) AS contact_id, count(DISTINCT i.contact_id) AS people
  FROM staged_trace t, LATERAL (
    SELECT contact_id FROM crm_identifier WHERE kind = t.kind AND value = t.value AND identifying LIMIT 1) i
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
SELECT count(*) FROM (SELECT contact_id FROM staged_place WHERE NOT fresh ORDER BY contact_id) p, LATERAL (
  SELECT FROM crm_contact WHERE id = p.contact_id FOR NO KEY UPDATE) locked
"""
_CONTACTS = f"""
INSERT INTO crm_contact (id, {", ".join(COLUMNS)}, fields, source, created_at, updated_at)
SELECT p.contact_id,
  {", ".join(f"s.{column}" if column in TYPES else f"coalesce(s.{column}, '')" for column in COLUMNS)},
  coalesce(s.fields, '{{}}'), %(source)s, %(now)s, %(now)s
FROM staged_place p JOIN staged_contact s USING (line) WHERE p.fresh
"""  # noqa: S608 - the columns are ours
# An empty cell says nothing; it never empties what is known. A zone of our own guessing
# does not replace one that somebody declared.
_ALL = (*(column for column in COLUMNS if not column.startswith("zone")), "zone", "zone_source", "fields")
_KEEPS_ZONE = "s.zone_source = 'workspace' OR (c.zone_source = 'contact' AND s.zone_source <> 'contact')"
_WAS = ", ".join(f"n.was_{column}" for column in _ALL)
_NAMES = ("given_name", "family_name")


def stage_changes(policy: Policy) -> None:
    """What would be different about those who are known already."""
    _run(_changes(policy.kept), {"keys": policy.kept_keys})


@lru_cache(maxsize=256)
def _changes(kept: frozenset[str]) -> str:
    """The statement that finds who changes, `kept` being the fields of which ours stands where it says something."""
    merged = ", ".join(f"{_merged(column, kept)} AS {column}" for column in COLUMNS if not column.startswith("zone"))
    keeps_zone = _KEEPS_ZONE + (" OR c.zone_source <> 'workspace'" if kept & {"timezone", "country"} else "")
    return f"""
INSERT INTO staged_change SELECT n.id, {", ".join(f"n.{column}" for column in _ALL)} FROM (
  SELECT c.id, {merged},
    CASE WHEN {keeps_zone} THEN c.zone ELSE coalesce(s.zone, c.zone) END AS zone,
    CASE WHEN {keeps_zone} THEN c.zone_source ELSE coalesce(s.zone_source, c.zone_source) END AS zone_source,
    c.fields || coalesce(s.fields, '{{}}') || {_OURS} AS fields,
    {", ".join(f"c.{column} AS was_{column}" for column in _ALL)}
  FROM staged_place p JOIN staged_contact s USING (line),
    LATERAL (SELECT * FROM crm_contact WHERE id = p.contact_id LIMIT 1) c
  WHERE NOT p.fresh) n
WHERE ({", ".join(f"n.{column}" for column in _ALL)}) IS DISTINCT FROM ({_WAS})
"""  # noqa: S608 - the columns are ours


# Of the shop's own fields, those of which ours stands.
_OURS = """CASE WHEN cardinality(%(keys)s::text[]) = 0 THEN '{}' ELSE coalesce((
      SELECT jsonb_object_agg(own.key, own.value) FROM jsonb_each(jsonb_strip_nulls(c.fields)) own
      WHERE own.value <> '""' AND (%(keys)s::text[] IS NULL OR own.key = ANY(%(keys)s::text[]))), '{}') END"""


def _merged(column: str, kept: frozenset[str]) -> str:
    if column == "sort_name" and kept & {*_NAMES}:
        family, given = (_merged(name, kept) for name in reversed(_NAMES))
        return (
            f"CASE WHEN ({family}, {given}) IS DISTINCT FROM (c.family_name, c.given_name) "
            f"THEN left(lower(trim({family} || ' ' || {given})), 250) ELSE c.sort_name END"
        )
    ours = f"c.{column}" if column in TYPES else f"nullif(c.{column}, '')"
    return f"coalesce({ours}, s.{column}, c.{column})" if column in kept else f"coalesce(s.{column}, c.{column})"


_BEFORE = """
INSERT INTO crm_contactchange (contact_id, at, before, actor)
SELECT c.id, %(now)s, (
    SELECT jsonb_object_agg(was.key, was.value) FROM jsonb_each(to_jsonb(c)) was
    JOIN jsonb_each(to_jsonb(n)) becomes ON becomes.key = was.key WHERE becomes.value IS DISTINCT FROM was.value
  ), %(actor)s
FROM staged_change n, LATERAL (SELECT * FROM crm_contact WHERE id = n.id LIMIT 1) c
"""
_UPDATE = f"""
WITH changed AS (
  UPDATE crm_contact c SET {", ".join(f"{column} = n.{column}" for column in _ALL)}, updated_at = %(now)s
  FROM staged_change n WHERE n.id = c.id RETURNING c.id
) INSERT INTO staged_touched SELECT id FROM changed
"""  # noqa: S608 - the columns are ours
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
  LEFT JOIN LATERAL (SELECT id FROM crm_address WHERE medium = t.medium AND hash = t.hash LIMIT 1) a ON true
  ORDER BY t.kind, t.value ON CONFLICT DO NOTHING RETURNING contact_id
) INSERT INTO staged_touched SELECT contact_id FROM added
"""
# Every trace of a new person was claimed just now, every trace of a known one is theirs: else
# somebody else was faster with one of them.
_STRAY = """
SELECT (SELECT count(*) FROM staged_trace t JOIN staged_place p USING (line) WHERE p.fresh)
  - (SELECT count(*) FROM staged_touched t JOIN staged_place p USING (contact_id) WHERE p.fresh)
  + (SELECT count(*) FROM staged_trace t JOIN staged_place p USING (line) LEFT JOIN LATERAL (
       SELECT id FROM crm_identifier WHERE contact_id = p.contact_id AND kind = t.kind AND value = t.value LIMIT 1) i
     ON true WHERE NOT p.fresh AND i.id IS NULL)
"""


_JUDGED = """
SELECT s.line, CASE WHEN p.line IS NULL THEN 'rejected' WHEN p.fresh THEN 'created'
  WHEN NOT %(skips)s AND (EXISTS (SELECT FROM staged_change n WHERE n.id = p.contact_id)
    OR EXISTS (SELECT FROM staged_touched n WHERE n.contact_id = p.contact_id) OR EXISTS (
    SELECT FROM staged_trace t WHERE t.line = s.line AND NOT EXISTS (SELECT FROM crm_identifier i
      WHERE i.contact_id = p.contact_id AND i.kind = t.kind AND i.value = t.value))) THEN 'updated'
  ELSE 'unchanged' END
FROM staged_contact s LEFT JOIN staged_place p USING (line) ORDER BY s.line
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
    cells = [value if value is None or isinstance(value, str) else arrays.text(value) for value in values]
    # Most rows need no escape: one look at all of it, and not one at each cell.
    if _SPECIAL.search("".join(filter(None, cells))):
        cells = [cell and cell.translate(_ESCAPES) for cell in cells]
    return "\t".join("\\N" if cell is None else cell for cell in cells) + "\n"


def _copy(table: str, columns: Sequence[str], text: str) -> None:
    with connection.cursor() as cursor:
        # In large bites: each one waits for the reader's thread to let go of the interpreter.
        cursor.copy_from(io.StringIO(text), table, size=BITE, columns=columns)
