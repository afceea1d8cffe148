"""Brings purchases in from a file as history: rows of one order together, through the one door in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm import capture, workspace
from crm.errors import Problem, Problems
from crm.imports import cells, items, mapping, staging
from crm.imports.jobs import Job, Summary
from crm.imports.outcomes import CREATED, UNCHANGED, Outcome, Reject
from crm.imports.tables import Rejected, Row, Table, unread

REQUIRED = ("order_id", "occurred_at", "total")
LINE = ("sku", "name", "quantity", "price")
AMOUNTS = ("total", "discount", "quantity", "price")
DAY = len("1997-01-01")


@dataclass
class Purchase:
    """The rows of one order, as they stand next to each other in the file."""

    traces: dict[str, str]
    head: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Batch:
    """Some purchases, the rows among them that are none, and the last line of it all."""

    purchases: list[Purchase] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    line: int = 0


def run(path: Path, columns: Any, *, job: Job) -> Summary:
    """Import a CSV of orders: one row each, or one row per line with the same `order_id`.

    Raises Problems before anything is read if the mapping is wrong.
    """
    table = Table(path)
    found = mapping.parse(columns, table, mapping.ORDER)
    check(found)
    currency = workspace.current().currency
    with job.open(table, columns, None) as summary:
        for batch in batches(table, found):
            job.take(bring(batch, currency, job), summary)
    return summary


def check(found: mapping.Mapping) -> None:
    """Raises Problems where a column is missing without which nothing is an order."""
    missing = [name for name in REQUIRED if name not in found.fields]
    if missing:
        raise Problems([Problem(f"/{name}", "required", f"Map a column to {name}.") for name in missing])


def bring(batch: Batch, currency: str, terms: Any) -> Outcome:
    """Store a batch. `terms`: who brings it, from where and when (`actor`, `source`, `now`), and who notes it."""
    outcome = Outcome(rejects=list(batch.rejects))
    arrivals = [
        capture.Arrival(
            [{"kind": kind, "value": value} for kind, value in purchase.traces.items()],
            events=[_event(purchase, currency)],
            source=terms.source,
            actor=terms.actor,
            quiet=True,
        )
        for purchase in batch.purchases
    ]
    fresh: list[str] = []
    for purchase, received in zip(batch.purchases, capture.receive(arrivals, now=terms.now), strict=True):
        if received.created and received.contact_id:
            outcome.made.append(received.contact_id)
        if received.problem:
            wrong = received.problem
            outcome.rejects += [Reject(row.line, row.cells, wrong.code, str(wrong)) for row in purchase.rows]
        else:
            lines = [row.line for row in purchase.rows]
            outcome.say(lines, UNCHANGED if received.duplicates else CREATED)
            fresh += [] if received.duplicates else [purchase.head["order_id"]]
    if terms.journal:
        items.note_orders(terms.journal, fresh)
        staging.journal_made(terms.journal, outcome.made)
    return outcome


def batches(table: Table, columns: mapping.Mapping, after: int = 0, *, dates: str = "") -> Iterator[Batch]:
    """What stands behind line `after`. Rows that follow one another with the same order id are one purchase."""
    batch, current = Batch(line=after), None
    for row in table:
        if row.line <= after:
            continue
        found = _read(row, columns, dates)
        if current and isinstance(found, Purchase) and found.head["order_id"] == current.head["order_id"]:
            current.rows += found.rows
            current.lines += found.lines
            batch.line = row.line
            continue
        if len(batch.purchases) + len(batch.rejects) >= capture.MOST:
            yield batch
            batch = Batch()
        batch.line = row.line
        if isinstance(found, Reject):
            batch.rejects.append(found)
        else:
            current = found
            batch.purchases.append(found)
    if batch.purchases or batch.rejects:
        yield batch


def _event(purchase: Purchase, currency: str) -> dict[str, Any]:
    head = purchase.head
    money = head.get("currency") or currency
    properties: dict[str, Any] = {
        "order_id": head["order_id"],
        "total": {"amount": head["total"], "currency": money},
        "products": purchase.lines,
    }
    properties |= {name: head[name] for name in ("cart_id", "coupon", "store") if head.get(name)}
    if head.get("discount"):
        properties["discount"] = {"amount": head["discount"], "currency": money}
    moment = head["occurred_at"]
    return {
        "name": "Order Completed",
        "historic": True,
        "channel": head.get("channel") or "web",
        # A day without a time is taken at noon, UTC: the same day in nearly every zone.
        "occurred_at": f"{moment}T12:00:00Z" if len(moment) == DAY else moment,
        "properties": properties,
    }


def _read(row: Row | Rejected, columns: mapping.Mapping, dates: str) -> Purchase | Reject:
    if isinstance(row, Rejected):
        return unread(row)
    head = {name: cells.plain(row.cells[column].strip()) for name, column in columns.fields.items()}
    traces = {kind: cells.plain(row.cells[column].strip()) for kind, column in columns.traces.items()}
    empty = [name for name in REQUIRED if not head.get(name)]
    if empty or not any(traces.values()):
        what = empty[0] if empty else "an identifier of the customer"
        return Reject(row.line, row.cells, "required", f"The row has no {what}.")
    try:
        _normalise(head, dates)
    except Problem as problem:
        return Reject(row.line, row.cells, problem.code, str(problem))
    line = {name: head.pop(name) for name in LINE if head.get(name)}
    return Purchase(
        {kind: value for kind, value in traces.items() if value}, head, [row], [line] if line.get("sku") else []
    )


def _normalise(head: dict[str, str], dates: str) -> None:
    """Dates and amounts as they are written in Spain and Russia too; what is written our way stays as it is."""
    try:
        head["occurred_at"] = cells.instant(head["occurred_at"], dates)
    except Problem as problem:
        if problem.code == "ambiguous_date":
            raise problem.under("/occurred_at") from None
    for name in AMOUNTS:
        if head.get(name):
            head[name] = _under(name, head[name])


def _under(name: str, text: str) -> str:
    try:
        return cells.amount(text)
    except Problem as problem:
        raise problem.under(f"/{name}") from None
