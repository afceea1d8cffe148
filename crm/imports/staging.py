"""Merges a chunk of checked rows into contacts, set by set: the bulk form of `crm.identity`.

A chunk is COPYed into temporary tables and merged by a fixed number of statements in one
transaction. Nobody's traces appear twice in a chunk (the caller sees to it), so each row
is one person: found by an identifier, or new.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from crm import arrays, sources, suppression
from crm.imports import ranked, statements
from crm.imports.outcomes import DOUBLED, KEPT, REJECTED, UNCHANGED, Reject

COLUMNS, TYPES = statements.COLUMNS, statements.TYPES
# What becomes of somebody who is known already: what the file says is taken, fills what is empty, or is left.
OVERWRITE: Final = "overwrite"
FILL: Final = "fill"
SKIP: Final = "skip"
POLICIES: Final = (FILL, OVERWRITE, SKIP)
BITE: Final = 1 << 20


@dataclass(frozen=True)
class Policy:
    """`keep`: fields of which ours stands although the others are overwritten ("city", "fields.size").

    `ranking`: how far what `kind` of source brings this is believed, where the shop has ranked its sources.
    """

    known: str = OVERWRITE
    keep: frozenset[str] = frozenset()
    ranking: sources.Ranking = sources.NONE
    kind: str = sources.IMPORT

    @property
    def kept(self) -> frozenset[str]:
        return frozenset(statements.ALL) if self.known == FILL else self.keep & frozenset(statements.ALL)

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
        self.contacts = _text(
            [(str(person.line), *map(person.fields.get, COLUMNS), person.custom or None) for person in people]
        )
        self.traces = _text([(str(person.line), *trace) for person in people for trace in person.traces])


@dataclass
class Merged:
    """What became of a chunk: lines by verdict, and the contacts touched."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ambiguous: list[int] = field(default_factory=list)  # identifiers of two contacts
    restricted: list[int] = field(default_factory=list)  # kept and not used: nothing of them is changed
    erased: list[int] = field(default_factory=list)  # asked to be forgotten: no list brings them back
    again: list[int] = field(default_factory=list)  # a person already met in this chunk
    touched: list[int] = field(default_factory=list)
    skipped: int = 0  # known already, and to be left alone
    outranked: int = 0  # of whom something was left as it is


EVERYTHING_NEW: Final = Policy()


class Raced(Exception):
    """Somebody else took one of the identifiers meanwhile."""


def make_tables() -> None:
    """The temporary tables of this connection."""
    texts = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in COLUMNS)
    changed = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in statements.ALL)
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE TEMP TABLE IF NOT EXISTS staged_contact (line int, {texts}, fields jsonb)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_given (line int, kind text, value text COLLATE "C",
              medium text, hash text COLLATE "C") ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_trace (LIKE staged_given, contact_id bigint, address_id bigint)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_address (id bigint, medium text, hash text COLLATE "C")
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_place (line int, contact_id bigint, fresh boolean)
              ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_change (id bigint, {changed}) ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_touched (contact_id bigint) ON COMMIT DELETE ROWS;
            CREATE TEMP TABLE IF NOT EXISTS staged_refused (line int) ON COMMIT DELETE ROWS;
            {ranked.TABLE};
        """)


def stage(chunk: Chunk) -> None:
    """Copy a chunk over; what a larger transaction left of the last one goes."""
    _run("; ".join(f"DELETE FROM {table}" for table in statements.TABLES))  # noqa: S608 - our own names
    _copy("staged_contact", ("line", *COLUMNS, "fields"), chunk.contacts)
    _copy("staged_given", ("line", "kind", "value", "medium", "hash"), chunk.traces)
    if chunk.refused:
        _copy("staged_refused", ("line",), chunk.refused)
    _run(statements.TRACES)
    # How many there are is what the planner must know; what stands in them it need not.
    _run("ANALYZE staged_trace (line, medium); ANALYZE staged_contact (line)")


def merge(chunk: Chunk, *, source: str, actor: str, now: datetime, policy: Policy = EVERYTHING_NEW) -> Merged:
    """Merge a chunk inside the caller's transaction. Raises Raced when it must be merged again."""
    stage(chunk)
    merged = Merged()
    merged.ambiguous, merged.again, merged.restricted, merged.erased = _place()
    if policy.known == SKIP:
        merged.skipped = len(_run("DELETE FROM staged_place WHERE NOT fresh RETURNING line"))
    _run(statements.CONTACTS, {"now": now, "source": source, "actor": actor})
    merged.outranked = len(_hold_back(policy))
    if policy.ranking:
        ranked.claim(policy.ranking, policy.kind, sorted(policy.keep), overwrites=policy.known == OVERWRITE)
    stage_changes(policy)
    for statement in (
        statements.BEFORE,
        statements.UPDATE,
        statements.ADDRESSES,
        statements.KNOWN_ADDRESSES,
        statements.IDENTIFIERS,
    ):
        _run(statement, {"now": now, "source": source, "actor": actor})
    if _run(statements.STRAY)[0][0]:
        raise Raced
    return merged


def _hold_back(policy: Policy) -> dict[int, list[str]]:
    """What sources that count more have said otherwise, by line. Where only gaps are filled, nothing is in question."""
    if not policy.ranking or policy.known != OVERWRITE:
        return {}
    ranked.hold_back(policy.ranking, policy.kind, sorted(policy.keep))
    return ranked.held()


def newly_reachable() -> list[tuple[int, int]]:
    """(contact, address) of the chunk where a statement has been waiting for an address."""
    return [
        (contact, address)
        for contact, address in _run("""
        SELECT DISTINCT p.contact_id, a.id FROM staged_place p
        CROSS JOIN LATERAL (
          SELECT FROM crm_consentstate WHERE contact_id = p.contact_id AND address_id IS NULL LIMIT 1) waits
        JOIN staged_trace t USING (line) JOIN staged_address a ON a.medium = t.medium AND a.hash = t.hash
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


def journal_made(job: int, contacts: Sequence[int]) -> None:
    """Note contacts whom purchases made."""
    arrays.insert(
        "crm_importedcontact",
        {"job_id": "bigint", "contact_id": "bigint", "fresh": "boolean"},
        [(job, each, True) for each in contacts],
    )


def forget_seen() -> None:
    """A check begins: nobody has stood in the file yet."""
    _run("DROP TABLE IF EXISTS staged_seen")
    _run('CREATE TEMP TABLE staged_seen (kind text, value text COLLATE "C", PRIMARY KEY (kind, value))')


def lay_out(chunk: Chunk, policy: Policy) -> tuple[list[int], list[int]]:
    """Stage a chunk to be judged. Nothing is written but tables of this connection, and nobody is locked. Answers the
    lines of people who are kept and not used, and of those who were erased."""
    stage(chunk)
    _run(statements.PLACE)
    restricted, erased = [line for (line,) in _run(statements.RESTRICTED)], _erased()
    _run(statements.KNOWN_ADDRESSES)
    _hold_back(policy)
    stage_changes(policy)
    return restricted, erased


def judged(policy: Policy) -> list[tuple[int, str]]:
    """What would become of each row of the chunk that was laid out."""
    doubled = {line for (line,) in _run("SELECT DISTINCT line FROM staged_trace JOIN staged_seen USING (kind, value)")}
    _run("INSERT INTO staged_seen SELECT DISTINCT kind, value FROM staged_trace ON CONFLICT DO NOTHING")
    held = ranked.held() if policy.ranking else {}
    found = _run(statements.JUDGED, {"skips": policy.known == SKIP})
    return [
        (line, DOUBLED if line in doubled and verdict != REJECTED else _or_kept(verdict, line in held))
        for line, verdict in found
    ]


def _or_kept(verdict: str, held: object) -> str:
    return KEPT if held and verdict == UNCHANGED else verdict


# --- how -----------------------------------------------------------------------------------


def stage_changes(policy: Policy) -> None:
    """What would be different about those who are known already."""
    _run(statements.changes(policy.kept), {"keys": policy.kept_keys})


def _erased() -> list[int]:
    """The lines that name somebody who was erased; what they were known by is kept as HMAC alone."""
    keyed, secret = suppression.keyed_hash_sql("k.medium || ':' || t.value")
    with connection.cursor() as cursor:
        cursor.execute(statements.ERASED)
        lines = [line for (line,) in cursor.fetchall()]
        cursor.execute("SELECT EXISTS (SELECT FROM crm_suppression WHERE reason = 'erased' AND until IS NULL"
                       " AND medium IN ('card', 'external'))")  # fmt: skip
        if cursor.fetchone()[0]:
            cursor.execute(statements.ERASED_NUMBERS.format(keyed=keyed), secret)
            lines += [line for (line,) in cursor.fetchall()]
    return lines


def _place() -> tuple[list[int], list[int], list[int], list[int]]:
    _run(statements.PLACE)
    ambiguous = [line for (line,) in _run(statements.AMBIGUOUS)]
    again = [line for (line,) in _run(statements.AGAIN)]
    _run(statements.LOCK)
    return ambiguous, again, [line for (line,) in _run(statements.RESTRICTED)], _erased()


def _run(statement: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or {})
        return list(cursor.fetchall()) if cursor.description else []


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
# No text of a file has it: such lines are rejected.
_NULL = "\0"


def _text(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as COPY reads them; None is NULL."""
    cells = [
        [each if each.__class__ is str else _NULL if each is None else arrays.text(each) or "" for each in row]
        for row in rows
    ]
    text = "".join("\t".join(row) + "\n" for row in cells)
    # Most chunks need no escape: a look at all of it, and not one at each cell.
    tabs = sum(len(row) - 1 for row in rows)
    if "\\" in text or "\r" in text or text.count("\n") != len(rows) or text.count("\t") != tabs:
        text = "".join("\t".join([each.translate(_ESCAPES) for each in row]) + "\n" for row in cells)
    return text.replace(_NULL, "\\N")


def _copy(table: str, columns: Sequence[str], text: str) -> None:
    with connection.cursor() as cursor:
        # In large bites: each one waits for the reader's thread to let go of the interpreter.
        cursor.copy_from(io.StringIO(text), table, size=BITE, columns=columns)
