"""Brings contacts in from a file: checked row by row, merged chunk by chunk.

Checking runs in a thread of its own, one chunk ahead of the database, so that the two
cores of a small machine share the work and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from crm import columns, normalise, ownfields, suppression, typed, workspace, zones
from crm import consent as consent_book
from crm.errors import Problem, Problems
from crm.identity import rules
from crm.identity.rows import sort_name
from crm.imports import cells, consents, jobs, mapping, ranked, staging
from crm.imports.jobs import Job, Summary
from crm.imports.outcomes import REJECTED, Outcome, Reject
from crm.imports.staging import Chunk, Merged, Person, Policy
from crm.imports.tables import Rejected, Table, unread
from crm.models import Store

CHUNK = 10_000
TWO, RESTRICTED, ERASED = "identifiers_of_two_contacts", "restricted", "erased"
REFUSED = {
    TWO: "Its identifiers belong to two different contacts; merge these or correct the row.",
    RESTRICTED: "This person's data is restricted: it is kept, and neither used nor changed.",
    ERASED: "This person asked to be erased. A list does not bring them back; only what they do themselves does.",
}
AGAIN = 3


@dataclass(frozen=True)
class Terms:
    """How people are taken in: who did it, when, what becomes of who is known, and what they agreed to.

    `journal`: the job that notes whom it made and changed; 0: nobody notes.
    """

    source: str
    actor: str
    now: datetime
    policy: Policy = staging.EVERYTHING_NEW
    grants: Sequence[consents.Grant] = field(default=())
    journal: int = 0


def run(path: Path, columns: Any, consent: Any = None, *, job: Job) -> Summary:
    """Import a CSV of contacts. `columns` and `consent` as in `docs/how-to/import.md`.

    Raises Problems before anything is read if the mapping or the consent is wrong.
    """
    table = Table(path)
    found = mapping.parse(columns, table, mapping.FIELDS)
    grants = [consents.parse(consent)] if consent is not None else []
    reader = Reader(table, found)
    terms = Terms(job.source, job.actor, job.now, grants=grants)
    staging.make_tables()
    with job.open(table, columns, consent) as summary:
        for chunk in ahead(reader.chunks()):
            job.take(merge(chunk, terms), summary)
        jobs.refresh_rules(summary)
    return summary


def merge(chunk: Chunk, terms: Terms) -> Outcome:
    """Merge a chunk; rows that turned out to be the same person go round again, in order."""
    outcome = Outcome(rejects=list(chunk.rejects))
    while chunk.people:
        merged = _merge_once(chunk, terms)
        by_line = {person.line: person for person in chunk.people}
        for code, lines in ((TWO, merged.ambiguous), (RESTRICTED, merged.restricted), (ERASED, merged.erased)):
            outcome.rejects += [_refused(by_line[line], code) for line in lines]
        outcome.created += merged.created
        outcome.updated += merged.updated
        outcome.unchanged += merged.unchanged
        outcome.touched += merged.touched
        outcome.outranked += merged.outranked
        again = set(merged.again)
        chunk = Chunk([person for person in chunk.people if person.line in again])
    return outcome


def judge(chunk: Chunk, terms: Terms) -> Outcome:
    """What would become of a chunk; nothing is written."""
    outcome = Outcome(rejects=list(chunk.rejects))
    by_line = {person.line: person for person in chunk.people}
    with transaction.atomic():
        restricted, erased = map(set, staging.lay_out(chunk, terms.policy))
        for grant in terms.grants:
            consents.would_record(grant)
        for line, verdict in staging.judged(terms.policy):
            if verdict == REJECTED:
                code = RESTRICTED if line in restricted else ERASED if line in erased else TWO
                outcome.rejects.append(_refused(by_line[line], code))
            else:
                outcome.verdicts.append((line, verdict))
        outcome.held = ranked.held()
    return outcome


def _refused(person: Person, code: str) -> Reject:
    return Reject(person.line, person.cells, code, REFUSED[code])


def _merge_once(chunk: Chunk, terms: Terms) -> Merged:
    for attempt in range(AGAIN):
        try:
            with transaction.atomic():
                # Asynchronous: a crash loses the last chunks, and the file read again brings them.
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit = off; SET LOCAL work_mem = '32MB'")
                merged = staging.merge(
                    chunk, source=terms.source, actor=terms.actor, now=terms.now, policy=terms.policy
                )
                consent_book.bind(staging.newly_reachable(), now=terms.now)
                for grant in terms.grants:
                    consents.record(grant, terms.now)
                staging.settle(merged)
                if terms.journal:
                    staging.journal(terms.journal)
                return merged
        except staging.Raced:
            if attempt == AGAIN - 1:
                raise
    raise AssertionError("unreachable")


class Reader:
    """Turns rows of the file into people, or into rejections with their reason.

    `dates`: whether the day or the month comes first; `agrees`: the column that says who agreed (None: all did).
    """

    def __init__(self, table: Table, columns: mapping.Mapping, *, dates: str = "", agrees: int | None = None) -> None:
        self.table, self.columns, self.dates, self.agrees = table, columns, dates, agrees
        space = workspace.current()
        self.country, self.zone = space.country, space.zone
        self.ruled = space.identifiers
        self.stores = {store.code: store for store in Store.objects.all()}
        self.own = ownfields.known()
        self.hashed = suppression.hashing()

    def chunks(self, after: int = 0, size: int = 0) -> Iterator[Chunk]:
        """People behind line `after`, in chunks in which no trace appears twice (a repeated one opens the next)."""
        people: list[Person] = []
        rejects: list[Reject] = []
        seen: set[tuple[str, str]] = set()
        last, size = after, size or CHUNK
        for row in self.table:
            if row.line <= after:
                continue
            found = self.read(row) if not isinstance(row, Rejected) else unread(row)
            keys = [trace[:2] for trace in found.traces] if isinstance(found, Person) else []
            if len(people) + len(rejects) >= size or not seen.isdisjoint(keys):
                yield Chunk(people, last, rejects)
                people, rejects, seen = [], [], set()
            if isinstance(found, Person):
                people.append(found)
                seen.update(keys)
            else:
                rejects.append(found)
            last = row.line
        if people or rejects:
            yield Chunk(people, last, rejects)

    def read(self, row: Any) -> Person | Reject:
        try:
            return self.person(row.line, row.cells)
        except Problem as problem:
            return Reject(row.line, row.cells, problem.code, str(problem))
        except Problems as wrong:
            return Reject(row.line, row.cells, wrong.problems[0].code, str(wrong.problems[0]))

    def person(self, line: int, row: list[str]) -> Person:
        """Raises Problem when a cell cannot be what its column says."""
        person = Person(line, row)
        for name, column in self.columns.fields.items():
            if text := row[column].strip():
                self._field(person, name, cells.plain(text))
        for name, column in self.columns.custom.items():
            if text := row[column].strip():
                person.custom |= self._own(name, cells.plain(text))
        columns.free_fields(person.custom)
        country = person.fields.get("country") or self.country
        for kind, column in self.columns.traces.items():
            if text := row[column].strip():
                person.traces.append(self._trace(kind, cells.plain(text), country))
        if not person.traces:
            raise Problem("", "no_identifier", "No e-mail, phone, card or id: nobody would be recognised.")
        person.agreed = self.agrees is None or cells.agreed(row[self.agrees])
        self._derive(person)
        return person

    def _field(self, person: Person, name: str, text: str) -> None:
        if name == "home_store":
            if text not in self.stores:
                raise Problem("/home_store", "unknown_store", f"There is no store with the code {text!r}.")
            person.fields["home_store_id"] = self.stores[text].id
            person.store_zone = self.stores[text].zone
        elif name == "birth_date":
            person.fields[name] = _under(name, cells.day, text, self.dates)
        elif value := _under(name, columns.column, name, text):
            person.fields[name] = value

    def _own(self, name: str, text: str) -> dict[str, Any]:
        """The shop's own field in its kind; one the shop has not defined is kept as text.

        Signs that nobody sees say as little as an empty cell.
        """
        clean = normalise.clean(text)
        if name == "customer_since" and cells.is_day(clean):
            clean = _under(f"fields.{name}", cells.day, clean, self.dates).isoformat()
        if name not in self.own:
            return {name: clean} if clean else {}
        if self.own[name].kind == "date" and clean:
            clean = _under(f"fields.{name}", cells.day, clean, self.dates).isoformat()
        value = _under(f"fields.{name}", typed.value, self.own[name], clean)
        return {} if value is None else {name: value}

    def _trace(self, kind: str, text: str, country: str) -> tuple[str, str, str | None, str | None]:
        try:
            trace = normalise.trace(kind, text, country)
        except Problem as problem:
            raise problem.under(f"/{kind}") from None
        if refused := rules.refused(trace, self.ruled):
            raise refused
        medium = normalise.MEDIUM.get(kind)
        return (kind, trace.value, medium, self.hashed(medium, trace.value) if medium else None)

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


def _under(name: str, read: Any, *given: Any) -> Any:
    try:
        return read(*given)
    except Problem as problem:
        raise problem.under(f"/{name}") from None


def ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, made one ahead in a thread; what it raises is raised here. Closed, the thread ends."""
    ready: queue.Queue[Chunk | BaseException | None] = queue.Queue(maxsize=2)
    enough = threading.Event()
    threading.Thread(target=_make, args=(chunks, ready, enough), name="import-reader", daemon=True).start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        enough.set()


def _make(chunks: Iterator[Chunk], ready: queue.Queue[Chunk | BaseException | None], enough: threading.Event) -> None:
    try:
        for chunk in chunks:
            _hand_over(chunk, ready, enough)
            if enough.is_set():
                return
        _hand_over(None, ready, enough)
    except BaseException as error:  # noqa: BLE001 - carried over to the caller
        _hand_over(error, ready, enough)


def _hand_over(
    item: Chunk | BaseException | None, ready: queue.Queue[Chunk | BaseException | None], enough: threading.Event
) -> None:
    while not enough.is_set():
        try:
            ready.put(item, timeout=1)
            return
        except queue.Full:
            continue
