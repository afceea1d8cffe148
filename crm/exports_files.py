"""Rows as CSV, XLSX or JSON, a row at a time; no spreadsheet runs what stands in them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from crm import tables

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "zip": "application/zip",
}
# What a sheet holds.
MOST_ROWS: Final = 1_048_576
LONGEST_CELL: Final = 32_767


def write(path: Path, form: str, heads: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a file; memory does not grow with it. Answers the number of rows."""
    if form == "xlsx":
        return _sheet(path, heads, rows)
    count = -1 if form == "csv" else 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for part in parts(form, heads, rows):
            file.write(part)
            count += 1
    return count if form == "csv" else max(count - 1, 0)


def parts(form: str, heads: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The text of a CSV or JSON file, a row at a time (JSON: one object a line, in one array)."""
    if form == "csv":
        writer = csv.writer(_Echo())
        yield "\ufeff" + writer.writerow([tables.harmless(head) for head in heads])
        for row in rows:
            yield writer.writerow([tables.harmless(_cell(row.get(head))) for head in heads])
        return
    begin = "[\n"
    for row in rows:
        yield begin + json.dumps(row, ensure_ascii=False)
        begin = ",\n"
    yield "\n]\n" if begin != "[\n" else "[]\n"


class _Echo:
    def write(self, text: str) -> str:
        return text


def _sheet(path: Path, heads: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False,
                                           "strings_to_urls": False, "strings_to_numbers": False})  # fmt: skip
    sheet = book.add_worksheet()
    count = 0
    for column, head in enumerate(heads):
        sheet.write_string(0, column, str(tables.harmless(head)))
    for row in rows:
        count += 1
        if count >= MOST_ROWS:
            book.close()
            raise ValueError("more rows than a sheet holds")
        for column, head in enumerate(heads):
            value = _cell(row.get(head))
            if isinstance(value, int | float) and not isinstance(value, bool):
                sheet.write_number(count, column, value)
            elif value != "":
                sheet.write_string(count, column, str(tables.harmless(str(value)))[:LONGEST_CELL])
    book.close()
    return count


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value
