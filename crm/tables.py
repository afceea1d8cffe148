"""Lists a page at a time by keyset, and the same rows as a CSV file.

A cursor is the sort key of the last row shown, so that page 10,000 costs what page 1 does and rows
that come in meanwhile move nothing.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import StreamingHttpResponse

Row = TypeVar("Row", bound=Model)
Thing = TypeVar("Thing")
A_PAGE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next` and `previous` are cursors, "" where there is nothing more that way."""

    rows: list[Row]
    next: str = ""
    previous: str = ""


def page(queryset: QuerySet[Row], order: str, cursor: str = "", size: int = A_PAGE) -> Page[Row]:
    """A page of `queryset` by `order` ("-created_at", "sort_name"), the id breaking ties.

    `cursor`: "" for the first page, else one that a page gave; a broken one starts again. The column must not be null.
    """
    backwards, after = _read(cursor)
    down = order.startswith("-")
    field = order.removeprefix("-")
    descending = down != backwards
    rows = queryset
    if after is not None:
        beyond = "lt" if descending else "gt"
        rows = rows.filter(Q(**{f"{field}__{beyond}": after[0]}) | Q(**{field: after[0], f"pk__{beyond}": after[1]}))
    sign = "-" if descending else ""
    names = [f"{sign}{field}"] if field in ("pk", "id") else [f"{sign}{field}", f"{sign}pk"]
    found = list(rows.order_by(*names)[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([])
    return Page(
        found,
        next=_cursor(found[-1], field) if (more or backwards) else "",
        previous=_cursor(found[0], field, backwards=True) if (after is not None and (more or not backwards)) else "",
    )


def _cursor(row: Model, field: str, *, backwards: bool = False) -> str:
    value = getattr(row, field)
    text = value.isoformat() if hasattr(value, "isoformat") else value
    packed = json.dumps([int(backwards), text, row.pk], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[bool, tuple[Any, int] | None]:
    if not cursor or len(cursor) > 2_000:
        return False, None
    try:
        backwards, value, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(value, str | int | float) or not isinstance(number, int):
            return False, None
        return bool(backwards), (value, number)
    except (binascii.Error, ValueError, TypeError):
        return False, None


def columns(chosen: Iterable[str], known: Mapping[str, Any], default: Sequence[str]) -> list[str]:
    """The columns to show, in the order of `known`; the default where nothing sensible was chosen."""
    wanted = [name for name in known if name in set(chosen)]
    return wanted or list(default)


# What a spreadsheet would take for a formula, on any line of a cell, is shown as text.
FORMULA = re.compile(r"^[\x00-\x20\u00a0]*[=+\-@＝＋－＠]|^[\t\r\n]", re.MULTILINE)


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet runs. Numbers stay numbers."""
    if isinstance(value, str) and FORMULA.search(value):
        return f"'{value}"
    return "" if value is None else value


class _Echo:
    def write(self, text: str) -> str:
        return text


def as_csv(
    name: str, heads: Sequence[str], rows: Iterable[Thing], cells: Callable[[Thing], Sequence[Any]]
) -> StreamingHttpResponse:
    """A CSV file of exactly these rows, streamed; UTF-8 with a mark, so that spreadsheets read it as such."""
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow([harmless(head) for head in heads])
        for row in rows:
            yield writer.writerow([harmless(cell) for cell in cells(row)])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
