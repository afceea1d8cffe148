"""A file as somebody brings it, kept as one the importer reads: text as it came, sheets and JSON as CSV."""

from __future__ import annotations

import csv
import json
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import python_calamine
from django.conf import settings

from crm.errors import Problem

LARGEST: Final = 250 * 1024 * 1024
# A sheet is unpacked in memory: what it holds at most, and how much smaller it may have been packed.
LARGEST_SHEET: Final = 50 * 1024 * 1024
LARGEST_UNPACKED: Final = 400 * 1024 * 1024
MOST_PACKED: Final = 200
MOST_COLUMNS: Final = 500
LARGEST_JSON: Final = 20 * 1024 * 1024
COUNTED: Final = 1 << 20


class Upload(Protocol):
    """What Django hands over."""

    @property
    def name(self) -> str | None: ...

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Kept:
    """`path`: beneath `folder()`. `rows`: about how many, by the ends of lines."""

    path: str
    name: str
    size: int
    rows: int


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "imports"


def keep(upload: Upload) -> Kept:
    """Write an upload down and make it readable. Raises Problem with what can be done about it."""
    name = Path(upload.name or "file").name[:200]
    path = _place()
    size = 0
    try:
        with path.open("wb") as file:
            for part in upload.chunks():
                size += len(part)
                if size > LARGEST:
                    raise Problem("/file", "too_large", "A file has at most 250 MB. Split it, and bring it in parts.")
                file.write(part)
        if not size:
            raise Problem("/file", "empty_file", "The file is empty.")
        return _readable(path, name, size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def paste(text: str) -> Kept:
    """What was pasted from a sheet."""
    if not text.strip():
        raise Problem("/pasted", "empty_file", "Paste some rows, the first of which names the columns.")
    path = _place()
    path.write_text(text.strip("\r\n").replace("\0", "\ufffd") + "\n", encoding="utf-8", newline="")
    return Kept(path.name, "", path.stat().st_size, _lines(path))


def of_rows(rows: Iterable[dict[str, Any]], name: str) -> Kept:
    """Objects that a program sent, one for each row."""
    path = _place()
    try:
        _rewrite(path, _table(_flat(each) for each in rows))
        return Kept(path.name, name, path.stat().st_size, _lines(path))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def forget(path: str) -> None:
    """The file is no longer needed."""
    if path:
        (folder() / path).unlink(missing_ok=True)


def _place() -> Path:
    folder().mkdir(parents=True, exist_ok=True)
    return folder() / f"{secrets.token_hex(16)}.csv"


def _readable(path: Path, name: str, size: int) -> Kept:
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        _rewrite(path, _sheet(path, size))
    elif head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Problem("/file", "old_excel", "This is an old Excel file. Save it as .xlsx or CSV, and bring that.")
    elif name.lower().endswith((".json", ".jsonl", ".ndjson")):
        _rewrite(path, _objects(path, size))
    elif _is_binary(head):
        raise Problem("/file", "not_a_table", "This is no table. Bring a CSV, TSV, XLSX or JSON file.")
    return Kept(path.name, name, size, _lines(path))


def _is_binary(head: bytes) -> bool:
    return head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf"))


def _rewrite(path: Path, rows: Iterable[list[str]]) -> None:
    other = path.with_suffix(".part")
    try:
        with other.open("w", encoding="utf-8", newline="") as file:
            # The mark says which encoding it is, whatever stands in the first lines.
            file.write("\ufeff")
            csv.writer(file, lineterminator="\n").writerows(rows)
        other.replace(path)
    finally:
        other.unlink(missing_ok=True)


def _sheet(path: Path, size: int) -> Iterator[list[str]]:
    """The rows of the first sheet that has any, one a line."""
    if size > LARGEST_SHEET:
        raise Problem("/file", "too_large", "An Excel file has at most 50 MB. Save it as CSV, and bring that.")
    _fits(path, size)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.height:
                if sheet.width > MOST_COLUMNS:
                    raise Problem("/file", "too_wide", f"A sheet has at most {MOST_COLUMNS} columns.")
                yield from ([_text(cell) for cell in row] for row in sheet.iter_rows())
                return
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError) as error:
        raise Problem("/file", "broken_sheet", f"The Excel file cannot be read: {str(error)[:200]}") from error
    raise Problem("/file", "empty_file", "No sheet of the file has rows.")


def _fits(path: Path, size: int) -> None:
    """A file that grows without end when it is unpacked is not unpacked."""
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(each.file_size for each in packed.infolist())
            names = {each.filename for each in packed.infolist()}
    except (zipfile.BadZipFile, OSError) as error:
        raise Problem("/file", "broken_sheet", "The file is packed and cannot be unpacked.") from error
    if not any(name.startswith(("xl/", "content.xml")) for name in names):
        raise Problem("/file", "not_a_table", "This is a packed file. Unpack it, and bring the table in it.")
    if unpacked > LARGEST_UNPACKED or unpacked > MOST_PACKED * max(size, 10_000):
        raise Problem("/file", "zip_bomb", "Unpacked, the file is far larger than it may be. Save it as CSV.")


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        # A phone or card that a sheet took for a number.
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time(0) else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    # A row of the sheet is a line of the file, so that the numbers of lines are the sheet's.
    return " ".join(str(cell).replace("\0", "\ufffd").splitlines())


def _objects(path: Path, size: int) -> Iterator[list[str]]:
    """Objects, one a line (as we export them) or in one array, as rows: the first ones name the columns."""
    yield from _table(_parsed(path, size))


def _table(rows: Iterator[dict[str, str]]) -> Iterator[list[str]]:
    first = list(islice(rows, 500))
    heads = list(dict.fromkeys(key for each in first for key in each))
    if not heads:
        raise Problem("/file", "empty_file", "There is no object in the file.")
    yield heads
    for each in (*first, *rows):
        yield [each.get(head, "") for head in heads]


def _parsed(path: Path, size: int) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            text = line.strip().rstrip(",")
            if text in ("", "[", "]"):
                continue
            try:
                found = json.loads(text)
            except ValueError as error:
                if number > 3 or size > LARGEST_JSON:
                    raise Problem("/file", "not_json", f"Line {number} is not JSON: {error}") from None
                break
            yield from (_flat(each) for each in (found if isinstance(found, list) else [found]))
        else:
            return
    yield from _in_one(path)


def _in_one(path: Path) -> Iterator[dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise Problem("/file", "not_json", f"The file is not JSON: {error}") from None
    rows = found.get("data", [found]) if isinstance(found, dict) else found
    yield from (_flat(each) for each in rows)


def _flat(given: Any) -> dict[str, str]:
    """`{"fields": {"size": 38}}` is a column `fields.size`."""
    if not isinstance(given, dict):
        raise Problem("/file", "not_json", "The file must hold objects, one for each row.")
    found: dict[str, str] = {}
    for key, value in given.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": text for inner, text in _flat(value).items()}
        else:
            found[str(key)] = _said(value)
    return found


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    return str(value)


def _lines(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        while part := file.read(COUNTED):
            count += part.count(b"\n")
    return max(count - 1, 0)
