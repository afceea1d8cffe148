"""Reads a delimited file as rows, whatever its encoding, and never loses a line silently.

Every line ends either in a `Row` or in a `Rejected` with its number and reason. Python's
own reader swallows the rest of a file behind an unterminated quote; here a record is put
together from physical lines first, so that such a quote costs its own line only.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from crm.errors import Problem, Problems
from crm.imports.outcomes import Reject

MAX_RECORD = 1 << 20
LONGEST_LINE = MAX_RECORD + 2
MAX_LINES = 200
DELIMITERS = ",;\t|"
SAMPLE = 64 * 1024
csv.field_size_limit(2 * MAX_RECORD)


@dataclass(frozen=True)
class Row:
    line: int
    cells: list[str]


@dataclass(frozen=True)
class Rejected:
    line: int
    text: str
    code: str
    detail: str


class Table:
    """A file with a header. `encoding` and `delimiter` are what was said, else what was detected.

    Raises Problems when the file has no readable header or lacks a mapped column.
    """

    def __init__(self, path: Path, encoding: str = "", delimiter: str = "", *, names_apart: bool = False) -> None:
        self.path, self.names_apart = path, names_apart
        head = _head(path)
        self.encoding = encoding or detect_encoding(head)
        sample = head.decode(self.encoding, errors="replace")
        self.delimiter = delimiter or _detect_delimiter(sample)
        self.header = self._read_header()

    def column(self, name: str, pointer: str) -> int:
        """The index of the column with this header (exact, else ignoring case and blanks)."""
        if name in self.header:
            return self.header.index(name)
        folded = [cell.strip().lower() for cell in self.header]
        if name.strip().lower() in folded:
            return folded.index(name.strip().lower())
        raise Problem(pointer, "unknown_column", f"The file has no column {name!r}; it has: {self.header}.")

    def __iter__(self) -> Iterator[Row | Rejected]:
        records = self._records()
        next(records, None)
        waiting: deque[tuple[int, str]] = deque()
        rejected: deque[Rejected] = deque()

        def texts() -> Iterator[str]:
            for record in records:
                if isinstance(record, Rejected):
                    rejected.append(record)
                    continue
                waiting.append(record)
                yield record[1]

        width = len(self.header)
        for cells in csv.reader(texts(), delimiter=self.delimiter):
            while rejected:
                yield rejected.popleft()
            line, text = waiting.popleft()
            if not cells or (width > 1 and cells == [""]):
                continue
            if len(cells) != width:
                yield Rejected(line, text, "ragged_row", f"{len(cells)} cells where the header has {width}.")
            else:
                yield Row(line, cells)
        yield from rejected

    def _read_header(self) -> list[str]:
        for record in self._records():
            if isinstance(record, Rejected):
                raise Problems([Problem("", record.code, f"The header cannot be read: {record.detail}")])
            header = [cell.strip() for cell in next(csv.reader([record[1]], delimiter=self.delimiter), [])]
            if self.names_apart:
                return told_apart(header)
            if len(set(header)) != len(header):
                raise Problems([Problem("", "doubled_column", f"Two columns have the same name: {header}.")])
            return header
        raise Problems([Problem("", "empty_file", "The file is empty; its first line must name the columns.")])

    def _records(self) -> Iterator[tuple[int, str] | Rejected]:
        """Physical lines joined into records; a quote left open costs its own line only."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            lines = _Lines(_bounded(file), self.delimiter)
            for number, line in lines:
                if "\0" in line:
                    yield Rejected(number, line, "nul", "A NUL character; save the file as text again.")
                elif len(line) > MAX_RECORD:
                    yield Rejected(number, line[:200], "too_long", f"A line over {MAX_RECORD} characters.")
                elif "\ufffd" in line:
                    yield Rejected(number, line, "encoding", f"A character that is not {self.encoding}.")
                elif line.count('"') % 2 == 0 or not lines.ends_inside(line):
                    yield number, line
                else:
                    yield lines.join(number, line)


class _Lines:
    """Numbered lines that can be given back."""

    def __init__(self, file: Iterator[str], delimiter: str) -> None:
        self._file = file
        start = f"(?:^|(?<=[\\n{re.escape(delimiter)}]))"
        self._quoted = re.compile(start + r'"(?:[^"]|"")*"')
        self._open = re.compile(start + '"')
        self._back: deque[str] = deque()
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        line = self._back.popleft() if self._back else next(self._file)
        self._number += 1
        return self._number, line

    def ends_inside(self, text: str) -> bool:
        """Is a quoted cell still open at the end? (A quote inside a plain cell, 5" say, opens none.)"""
        return bool(self._open.search(self._quoted.sub("", text)))

    def join(self, number: int, first: str) -> tuple[int, str] | Rejected:
        """The record that begins with `first`, up to where its quotes are even."""
        taken: list[str] = []
        size = len(first)
        for _, line in self:
            taken.append(line)
            size += len(line)
            if '"' in line and not self.ends_inside(first + "".join(taken)):
                return number, first + "".join(taken)
            if len(taken) >= MAX_LINES or size > MAX_RECORD:
                break
        self._back.extendleft(reversed(taken))
        self._number -= len(taken)
        return Rejected(number, first, "open_quote", 'A quotation mark (") is opened and never closed.')


def unread(row: Rejected) -> Reject:
    """A line that is no row, as what becomes of it."""
    return Reject(row.line, [row.text.rstrip("\r\n")], row.code, row.detail)


def told_apart(header: list[str]) -> list[str]:
    """Columns without a name get their letter, those with the same name a number."""
    found: list[str] = []
    for index, name in enumerate(header):
        plain = name or f"({_letter(index)})"
        count = 2
        while (told := plain if plain not in found else f"{plain} ({count})") in found:
            count += 1
        found.append(told)
    return found


def _letter(index: int) -> str:
    first, last = divmod(index, 26)
    return (_letter(first - 1) if first else "") + chr(ord("A") + last)


def detect_encoding(head: bytes) -> str:
    """UTF-8 or UTF-16 with or without BOM, else Windows-1251 or Windows-1252."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        # Commas, digits and ends of lines have a zero beside them, whatever the alphabet.
        if zeros.count(0) * 8 > len(zeros) > 0 and head.count(0) == zeros.count(0):
            return name
    try:
        # The sample may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1251" if _is_cyrillic(head) else "cp1252"
    return "utf-8"


def _is_cyrillic(head: bytes) -> bool:
    """Words of Cyrillic are runs of high bytes; an accent in a Latin word stands alone."""
    runs = [len(run) for run in re.findall(rb"[\xc0-\xff\xa8\xb8]+", head)]
    return sum(length for length in runs if length > 2) * 2 > sum(runs)


def _bounded(file: TextIO) -> Iterator[str]:
    """Lines, of which an endless one is cut: memory stays flat whatever a file holds."""
    for line in iter(partial(file.readline, LONGEST_LINE), ""):
        if len(line) >= LONGEST_LINE and not line.endswith("\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass
        yield line


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SAMPLE)


def _detect_delimiter(sample: str) -> str:
    """What parts the first line into most cells; what stands between quotes parts nothing."""
    first = re.sub(r'"(?:[^"]|"")*"', "", sample.split("\n", 1)[0])
    return max(DELIMITERS, key=first.count)
