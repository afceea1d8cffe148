"""Brings addresses in that must not be written to. Nobody becomes a contact by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from crm import normalise, suppression, workspace
from crm.errors import Problem
from crm.imports import cells, items, mapping
from crm.imports.outcomes import CREATED, UNCHANGED, Outcome, Reject
from crm.imports.tables import Rejected, Row, Table, unread

BATCH: Final = 1_000
REASON: Final = suppression.BY_HAND


@dataclass
class Batch:
    """`rows`: each with its (medium, hash)es."""

    rows: list[tuple[Row, list[tuple[str, str]]]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    line: int = 0


def batches(table: Table, columns: mapping.Mapping, after: int = 0) -> Iterator[Batch]:
    batch, country = Batch(line=after), workspace.current().country
    for row in table:
        if row.line <= after:
            continue
        if len(batch.rows) + len(batch.rejects) >= BATCH:
            yield batch
            batch = Batch()
        batch.line = row.line
        found = _read(row, columns, country)
        if isinstance(found, Reject):
            batch.rejects.append(found)
        elif isinstance(row, Row):
            batch.rows.append((row, found))
    if batch.rows or batch.rejects:
        yield batch


def bring(batch: Batch, terms: Any) -> Outcome:
    """Suppress a batch; who was so before stays as they were."""
    outcome = Outcome(rejects=list(batch.rejects))
    known = _known(batch)
    for row, hashes in batch.rows:
        outcome.say([row.line], UNCHANGED if known.issuperset(hashes) else CREATED)
        known |= set(hashes)
    for medium in ("email", "phone"):
        mine = [value for _, hashes in batch.rows for kind, value in hashes if kind == medium]
        if mine:
            suppression.suppress(medium, mine, REASON, source=terms.source, now=terms.now)
    if terms.journal:
        items.note_stops(terms.journal, [each for _, hashes in batch.rows for each in hashes])
    return outcome


def _known(batch: Batch) -> set[tuple[str, str]]:
    hashes = [value for _, found in batch.rows for _, value in found]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT medium, hash FROM crm_suppression
               WHERE hash = ANY(%s) AND until IS NULL AND channel = '' AND reason = %s""",
            [hashes, REASON],
        )
        return {(medium, value) for medium, value in cursor.fetchall()}


def _read(row: Row | Rejected, columns: mapping.Mapping, country: str) -> list[tuple[str, str]] | Reject:
    if isinstance(row, Rejected):
        return unread(row)
    found = []
    try:
        for kind, column in columns.traces.items():
            if text := cells.plain(row.cells[column].strip()):
                medium = normalise.MEDIUM[kind]
                found.append((medium, suppression.address_hash(medium, normalise.trace(kind, text, country).value)))
    except Problem as problem:
        return Reject(row.line, row.cells, problem.code, str(problem))
    if not found:
        return Reject(row.line, row.cells, "no_identifier", "The row has no e-mail and no phone.")
    return found
