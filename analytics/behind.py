"""What is behind a number: the rows of a metric, a page at a time. The same rows the figure is the sum of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.db import connection

from analytics.metrics import Metric, Span
from crm.segments.sql import Sql, every, join

A_PAGE: Final = 50
A_BATCH: Final = 1_000
Part = Literal["above", "below"]
COLUMN: Final[dict[Part, str]] = {"above": "num", "below": "den"}


@dataclass(frozen=True)
class Row:
    """One row with the words to show it: whose it is, and the store it belongs to."""

    id: int
    at: datetime | None
    store: str
    contact_id: int
    contact: str
    ref: str
    number: Decimal


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    next: str = ""
    previous: str = ""


def page(metric: Metric, span: Span, *, part: Part, store: int | None = None, cursor: str = "") -> Page:
    """Newest first, people of a level by their number; `cursor` as a page gave it ("" and nonsense: the first)."""
    backwards, after = _read(cursor, metric)
    found = _rows(metric, span, part=part, store=store, after=after, backwards=backwards, limit=A_PAGE + 1)
    more = len(found) > A_PAGE
    found = found[:A_PAGE]
    if backwards:
        found.reverse()
    if not found:
        return Page([])
    return Page(
        found,
        next=_cursor(found[-1], "n") if more or backwards else "",
        previous=_cursor(found[0], "p") if after is not None and (more or not backwards) else "",
    )


def all_rows(metric: Metric, span: Span, *, part: Part, store: int | None = None) -> Iterator[Row]:
    """All of them, read a batch at a time while they are written out."""
    whole = _listed(metric, metric.rows(span), _wanted(metric, part, store), part)
    with connection.chunked_cursor() as cursor:
        cursor.execute(whole.text, whole.params)
        while found := cursor.fetchmany(A_BATCH):
            yield from (Row(*values) for values in found)


def _rows(
    metric: Metric,
    span: Span,
    *,
    part: Part,
    store: int | None,
    after: tuple[str, int] | None,
    backwards: bool,
    limit: int,
) -> list[Row]:
    wanted = _wanted(metric, part, store)
    dated = metric.kind == "flow"
    if after is not None:
        sign = "<" if dated != backwards else ">"
        key = f"(r.at, r.id) {sign} ({{}}::timestamptz, {{}})" if dated else f"r.id {sign} {{}}"
        wanted.append(join(key, *(after if dated else after[1:])))
    whole = _listed(metric, (metric.paged or metric.rows)(span), wanted, part, backwards=backwards, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(whole.text, whole.params)
        return [Row(*values) for values in cursor.fetchall()]


def _wanted(metric: Metric, part: Part, store: int | None) -> list[Sql]:
    """Nothing that counts for nought is shown: the sum of the list is the figure."""
    wanted = [Sql(f"r.{COLUMN[part]} <> 0")]
    if store is not None and metric.by_store:
        wanted.append(join("r.store_id = {}", store))
    return wanted


def _listed(
    metric: Metric, rows: Sql, wanted: list[Sql], part: Part, *, backwards: bool = False, limit: int | None = None
) -> Sql:
    dated = metric.kind == "flow"
    way = "DESC" if dated != backwards else "ASC"
    order = f"r.at {way}, r.id {way}" if dated else f"r.id {way}"
    return join(
        f"""SELECT l.id, l.at, coalesce(t.name, ''), l.contact_id,
              coalesce(nullif(trim(c.given_name || ' ' || c.family_name), ''), ''), coalesce(l.ref, ''), l.number
            FROM (SELECT r.*, r.{COLUMN[part]} AS number FROM ({{}}) AS r WHERE {{}} ORDER BY {order} LIMIT {{}}) AS l
            LEFT JOIN crm_contact c ON c.id = l.contact_id LEFT JOIN crm_store t ON t.id = l.store_id
            ORDER BY {order.replace("r.", "l.")}""",  # noqa: S608 - our own words
        rows,
        every(wanted),
        limit,
    )


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _cursor(row: Row, way: str) -> str:
    return f"{way}~{_text(row.at)}~{row.id}"


def _read(cursor: str, metric: Metric) -> tuple[bool, tuple[str, int] | None]:
    way, _first, rest = cursor.partition("~")
    at, _second, number = rest.partition("~")
    if way not in ("n", "p") or not number.isdecimal() or len(number) > 18:
        return False, None
    try:
        known = not at or datetime.fromisoformat(at).tzinfo is not None
    except ValueError:
        return False, None
    if not known or bool(at) != (metric.kind == "flow"):
        return False, None
    return way == "p", (at, int(number))


def total(metric: Metric, span: Span, store: int | None = None) -> tuple[Any, Any]:
    """The figure as its rows come to it now: (above, below the line)."""
    wanted = join("r.store_id = {}", store) if store is not None and metric.by_store else Sql("true")
    whole = join(
        "SELECT coalesce(sum(r.num), 0), coalesce(sum(r.den), 0) FROM ({}) AS r WHERE {}", metric.rows(span), wanted
    )
    with connection.cursor() as cursor:
        cursor.execute(whole.text, whole.params)
        above, below = cursor.fetchone()
        return above, below
