"""Brings contacts in from a file: checked row by row, merged chunk by chunk.

Checking runs in a thread of its own, one chunk ahead of the database, so that the two
cores of a small machine share the work and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from crm import columns, normalise, suppression, workspace, zones
from crm import consent as consent_book
from crm.errors import Problem
from crm.identity.rows import sort_name
from crm.imports import consents, jobs, mapping, staging
from crm.imports.jobs import Job, Summary
from crm.imports.staging import Chunk, Merged, Person
from crm.imports.tables import Rejected, Table
from crm.models import Store

CHUNK = 10_000
AGAIN = 3


def run(path: Path, columns: Any, consent: Any = None, *, job: Job) -> Summary:
    """Import a CSV of contacts. `columns` and `consent` as in `docs/how-to/import.md`.

    Raises Problems before anything is read if the mapping or the consent is wrong.
    """
    table = Table(path)
    found = mapping.parse(columns, table, mapping.FIELDS)
    grant = consents.parse(consent) if consent is not None else None
    reader = _Reader(table, found)
    staging.make_tables()
    with job.open(table, columns, consent) as summary:
        for chunk in _ahead(reader.chunks(job)):
            _merge(chunk, grant, job, summary)
        jobs.refresh_rules(summary)
    return summary


def _merge(chunk: Chunk, grant: consents.Grant | None, job: Job, summary: Summary) -> None:
    """Merge a chunk; rows that turned out to be the same person go round again, in order."""
    while chunk.people:
        merged = _merge_once(chunk, grant, job)
        by_line = {person.line: person for person in chunk.people}
        for line in merged.ambiguous:
            job.reject(
                line,
                by_line[line].cells,
                "identifiers_of_two_contacts",
                "Its identifiers belong to two different contacts; merge these or correct the row.",
            )
        summary.add(merged.created, merged.updated, merged.unchanged, merged.touched)
        job.progress(summary)
        again = set(merged.again)
        chunk = Chunk([person for person in chunk.people if person.line in again])


def _merge_once(chunk: Chunk, grant: consents.Grant | None, job: Job) -> Merged:
    for attempt in range(AGAIN):
        try:
            with transaction.atomic():
                # Asynchronous: a crash loses the last chunks, and the file read again brings them.
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit = off")
                merged = staging.merge(chunk, source=job.source, actor=job.actor, now=job.now)
                consent_book.bind(staging.newly_reachable(), now=job.now)
                if grant is not None:
                    consents.record(grant, job.now)
                return staging.settle(merged)
        except staging.Raced:
            if attempt == AGAIN - 1:
                raise
    raise AssertionError("unreachable")


class _Reader:
    """Turns rows of the file into people, or into rejections with their reason."""

    def __init__(self, table: Table, columns: mapping.Mapping) -> None:
        self.table = table
        self.columns = columns
        space = workspace.current()
        self.country, self.zone = space.country, space.zone
        self.stores = {store.code: store for store in Store.objects.all()}

    def chunks(self, job: Job) -> Iterator[Chunk]:
        """People in chunks in which no trace appears twice (a repeated one opens the next chunk)."""
        chunk: list[Person] = []
        seen: set[tuple[str, str]] = set()
        for row in self.table:
            if isinstance(row, Rejected):
                job.reject(row.line, [row.text.rstrip("\r\n")], row.code, row.detail)
                continue
            try:
                person = self.person(row.line, row.cells)
            except Problem as problem:
                job.reject(row.line, row.cells, problem.code, str(problem))
                continue
            keys = [trace[:2] for trace in person.traces]
            if len(chunk) >= CHUNK or not seen.isdisjoint(keys):
                yield Chunk(chunk)
                chunk, seen = [], set()
            chunk.append(person)
            seen.update(keys)
        if chunk:
            yield Chunk(chunk)

    def person(self, line: int, cells: list[str]) -> Person:
        """Raises Problem when a cell cannot be what its column says."""
        person = Person(line, cells)
        for name, column in self.columns.fields.items():
            if cells[column].strip():
                self._field(person, name, cells[column].strip())
        for name, column in self.columns.custom.items():
            if cells[column].strip():
                person.custom[name] = normalise.clean(cells[column])
        columns.free_fields(person.custom)
        country = person.fields.get("country") or self.country
        for kind, column in self.columns.traces.items():
            if cells[column].strip():
                person.traces.append(_trace(kind, cells[column], country))
        if not person.traces:
            raise Problem("", "no_identifier", "No e-mail, phone, card or id: nobody would be recognised.")
        self._derive(person)
        return person

    def _field(self, person: Person, name: str, text: str) -> None:
        if name == "home_store":
            if text not in self.stores:
                raise Problem("/home_store", "unknown_store", f"There is no store with the code {text!r}.")
            person.fields["home_store_id"] = self.stores[text].id
            person.store_zone = self.stores[text].zone
        else:
            person.fields[name] = _column(name, text)

    def _derive(self, person: Person) -> None:
        fields = person.fields
        if fields.get("given_name") or fields.get("family_name"):
            fields["sort_name"] = sort_name({"given_name": "", "family_name": ""} | fields)
        fields["zone"], fields["zone_source"] = zones.resolve(
            fields.get("timezone", ""),
            fields.get("country", ""),
            fields.get("postal_code", ""),
            person.store_zone,
            self.zone,
        )


def _column(name: str, text: str) -> Any:
    try:
        return columns.column(name, text)
    except Problem as problem:
        raise problem.under(f"/{name}") from None


def _trace(kind: str, text: str, country: str) -> tuple[str, str, str | None, str | None]:
    try:
        trace = normalise.trace(kind, text, country)
    except Problem as problem:
        raise problem.under(f"/{kind}") from None
    medium = normalise.MEDIUM.get(kind)
    return (kind, trace.value, medium, suppression.address_hash(medium, trace.value) if medium else None)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, made one ahead in a thread; what it raises is raised here."""
    ready: queue.Queue[Chunk | BaseException | None] = queue.Queue(maxsize=2)

    def make() -> None:
        try:
            for chunk in chunks:
                ready.put(chunk)
            ready.put(None)
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            ready.put(error)

    threading.Thread(target=make, name="import-reader", daemon=True).start()
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
