"""Brings purchases in from a file as history: rows of one order together, through the one door in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from crm import capture, workspace
from crm.errors import Problem, Problems
from crm.imports import mapping
from crm.imports.jobs import Job, Summary
from crm.imports.tables import Rejected, Row, Table

REQUIRED = ("order_id", "occurred_at", "total")
LINE = ("sku", "name", "quantity", "price")
DAY = len("1997-01-01")


@dataclass
class Purchase:
    """The rows of one order, as they stand next to each other in the file."""

    traces: dict[str, str]
    head: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)


def run(path: Path, columns: Any, *, job: Job) -> Summary:
    """Import a CSV of orders: one row each, or one row per line with the same `order_id`.

    Raises Problems before anything is read if the mapping is wrong.
    """
    table = Table(path)
    found = mapping.parse(columns, table, mapping.ORDER)
    missing = [name for name in REQUIRED if name not in found.fields]
    if missing:
        raise Problems([Problem(f"/{name}", "required", f"Map a column to {name}.") for name in missing])
    currency = workspace.current().currency
    with job.open(table, columns, None) as summary:
        purchases = _purchases(table, found, job)
        while batch := list(islice(purchases, capture.MOST)):
            _bring(batch, currency, job, summary)
            job.progress(summary)
    return summary


def _bring(batch: list[Purchase], currency: str, job: Job, summary: Summary) -> None:
    arrivals = [
        capture.Arrival(
            [{"kind": kind, "value": value} for kind, value in purchase.traces.items()],
            events=[_event(purchase, currency)],
            source=job.source,
            actor=job.actor,
            quiet=True,
        )
        for purchase in batch
    ]
    for purchase, received in zip(batch, capture.receive(arrivals, now=job.now), strict=True):
        count = len(purchase.rows)
        if received.problem:
            for row in purchase.rows:
                job.reject(row.line, row.cells, received.problem.code, str(received.problem))
        elif received.duplicates:
            summary.add(0, 0, count, [])
        else:
            summary.add(count, 0, 0, [])


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


def _purchases(table: Table, columns: mapping.Mapping, job: Job) -> Iterator[Purchase]:
    """Rows that follow one another with the same order id are one purchase."""
    current: Purchase | None = None
    for row in table:
        if isinstance(row, Rejected):
            job.reject(row.line, [row.text.rstrip("\r\n")], row.code, row.detail)
            continue
        purchase = _read(row, columns)
        empty = [name for name in REQUIRED if not purchase.head.get(name)]
        if empty or not purchase.traces:
            what = empty[0] if empty else "an identifier of the customer"
            job.reject(row.line, row.cells, "required", f"The row has no {what}.")
            continue
        if current and current.head["order_id"] == purchase.head["order_id"]:
            current.rows += purchase.rows
            current.lines += purchase.lines
            continue
        if current:
            yield current
        current = purchase
    if current:
        yield current


def _read(row: Row, columns: mapping.Mapping) -> Purchase:
    cells = {name: row.cells[column].strip() for name, column in columns.fields.items()}
    traces = {kind: row.cells[column].strip() for kind, column in columns.traces.items()}
    line = {name: cells.pop(name) for name in LINE if cells.get(name)}
    return Purchase(
        {kind: value for kind, value in traces.items() if value}, cells, [row], [line] if line.get("sku") else []
    )
