"""What can be brought: how a file of each kind is read in pieces, judged and stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from crm import publicids, sources, workspace
from crm.imports import consents, contacts, files, goods, mapping, orders, staging, stops
from crm.imports.contacts import Terms
from crm.imports.outcomes import Outcome
from crm.imports.tables import Table
from crm.models import ImportJob

KINDS: Final = ("contacts", "orders", "products", "stock", "suppressions")


@dataclass(frozen=True)
class Work:
    """`pieces(after)`: what stands behind that line, each piece with its last `line`. `rows`: its lines and cells."""

    pieces: Callable[[int], Iterator[Any]]
    bring: Callable[[Any], Outcome]
    judge: Callable[[Any], Outcome]
    rows: Callable[[Any], list[tuple[int, list[str]]]]


def table(job: ImportJob) -> Table:
    """The file of a job as it is to be read. Raises Problems when it has no readable header."""
    reading = job.reading
    return Table(files.folder() / job.path, reading.get("encoding", ""), reading.get("delimiter", ""), names_apart=True)


def opened(job: ImportJob) -> Work:
    """The work of a job. Raises Problems when its columns or its consent are not what they must be."""
    found = table(job)
    columns = mapping.parse(
        {target: head for target, head in job.mapping.items() if target != "consent"},
        found,
        mapping.KNOWN[job.kind],
        of_people=job.kind not in mapping.GOODS,
    )
    return _OPENERS[job.kind](job, found, columns)


def name(job: ImportJob) -> str:
    """What stands as the source of whatever came with it."""
    return f"import:{job.filename[:80]} · {publicids.encode('imp', job.pk)}"


def actor(job: ImportJob) -> str:
    """Who makes the changes: each import for itself, so that an undo finds them."""
    return f"import:{publicids.encode('imp', job.pk)}"


def owner(job: ImportJob) -> str:
    """Whose import it is: somebody of the office, or a key."""
    return f"user:{job.owner_id}" if job.owner_id else str(job.reading.get("asker", "import"))


def terms(job: ImportJob) -> Terms:
    reading = job.reading
    return Terms(
        name(job),
        actor(job),
        job.started_at,
        staging.Policy(
            reading.get("policy", staging.FILL),
            frozenset(reading.get("keep", ())),
            sources.ranking(workspace.current().sources),
            reading.get("source", sources.IMPORT),
        ),
        _grants(job),
        job.pk,
    )


def mark(job: ImportJob) -> str:
    """Stands at the end of the source of each receipt the import wrote."""
    return f" · {publicids.encode('imp', job.pk)}"


def _grants(job: ImportJob) -> list[consents.Grant]:
    said = job.consent
    if not said:
        return []
    shared = {key: said[key] for key in ("channels", "basis", "method", "occurred_at", "wording") if said.get(key)}
    source = f"{str(said.get('source', ''))[:300]}"
    return [
        consents.parse({**shared, "purpose": purpose, "source": source}).marked(mark(job))
        for purpose in said.get("purposes", ())
    ]


def _contacts(job: ImportJob, found: Table, columns: mapping.Mapping) -> Work:
    agrees = job.mapping.get("consent") if job.consent else None
    reader = contacts.Reader(
        found,
        columns,
        dates=job.reading.get("dates", ""),
        agrees=found.column(agrees, "/consent") if agrees else None,
    )
    how = terms(job)
    return Work(
        lambda after: contacts.ahead(reader.chunks(after)),
        lambda piece: contacts.merge(piece, how),
        lambda piece: contacts.judge(piece, how),
        lambda piece: [(person.line, person.cells) for person in piece.people],
    )


def _orders(job: ImportJob, found: Table, columns: mapping.Mapping) -> Work:
    orders.check(columns)
    currency, how = workspace.current().currency, terms(job)
    return Work(
        lambda after: orders.batches(found, columns, after, dates=job.reading.get("dates", "")),
        lambda piece: orders.bring(piece, currency, how),
        lambda piece: _tried(lambda: orders.bring(piece, currency, how)),
        lambda piece: [(row.line, row.cells) for purchase in piece.purchases for row in purchase.rows],
    )


def _goods(job: ImportJob, found: Table, columns: mapping.Mapping) -> Work:
    goods.check(columns, job.kind)
    how = terms(job)
    return Work(
        lambda after: goods.batches(found, columns, job.kind, after, dates=job.reading.get("dates", "")),
        lambda piece: goods.bring(piece, job.kind, how),
        lambda piece: _tried(lambda: goods.bring(piece, job.kind, how)),
        lambda piece: [(row.line, row.cells) for row, _ in piece.goods],
    )


def _stops(job: ImportJob, found: Table, columns: mapping.Mapping) -> Work:
    how = terms(job)
    return Work(
        lambda after: stops.batches(found, columns, after),
        lambda piece: stops.bring(piece, how),
        lambda piece: _tried(lambda: stops.bring(piece, how)),
        lambda piece: [(row.line, row.cells) for row, _ in piece.rows],
    )


_OPENERS: Final[dict[str, Callable[[ImportJob, Table, mapping.Mapping], Work]]] = {
    "contacts": _contacts,
    "orders": _orders,
    "products": _goods,
    "stock": _goods,
    "suppressions": _stops,
}


def _tried(bring: Callable[[], Outcome]) -> Outcome:
    """Done and taken back at once."""
    with transaction.atomic():
        outcome = bring()
        transaction.set_rollback(True)
    return outcome
