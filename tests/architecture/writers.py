"""Who writes to which table: recorded from the SQL of the whole suite.

A reading of the code would see neither COPY, nor SQL text, nor `save()`, nor the
admin. So every cursor of the tests notes (table, verb, module): the module is the
innermost one of the project, past helpers that write for others and past models.
At the end the notes are compared with the table of writers in `docs/map.md`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg2.extensions

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("crm", "channels", "campaigns", "analytics")
# They write what they are told to; who told them counts.
HELPERS = {"crm.arrays", "crm.database", "crm.copying", "crm.partitions"}

_WRITE = re.compile(
    r"\b(?:(INSERT)\s+INTO|(?<!FOR )(?<!KEY )(?<!DO )(UPDATE)(?:\s+ONLY)?|(DELETE)\s+FROM(?:\s+ONLY)?|(MERGE)\s+INTO"
    r"|(COPY))\s+\"?(\w+)",
    re.IGNORECASE,
)
_MAY_WRITE = re.compile(r"insert|update|delete|merge|copy", re.IGNORECASE)

Write = tuple[str, str, str]
seen: set[Write] = set()


class RecordingCursor(psycopg2.extensions.cursor):
    """A plain cursor that notes what it writes before writing it."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  (psycopg2's own name)
        note(query)
        super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        note(query)
        super().executemany(query, vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        note(sql)
        super().copy_expert(sql, file, size)


def record(connection: Any, **_: Any) -> None:
    """Let a new connection of Django note its writes (on `connection_created`)."""
    connection.connection.cursor_factory = RecordingCursor


def note(query: Any) -> None:
    text = query.decode(errors="replace") if isinstance(query, bytes) else str(query)
    if text.lstrip().upper().startswith("CREATE") or not _MAY_WRITE.search(text):  # a trigger's body writes later
        return
    writes = writes_in(text)
    if writes:
        module = _writer(sys._getframe(2))
        if module:
            seen.update((table, verb, module) for table, verb in writes)


def writes_in(sql: str) -> set[tuple[str, str]]:
    """The (table, verb) pairs of our own tables that `sql` writes to."""
    found = set()
    for match in _WRITE.finditer(sql):
        verb = next(word for word in match.groups()[:5] if word).upper()
        table = match[6].lower()
        if table.startswith(tuple(f"{app}_" for app in APPS)):
            found.add((table, verb))
    return found


def described() -> dict[str, set[str]]:
    """The table of writers in `docs/map.md`: table → modules that may write to it."""
    page = ROOT / "docs" / "map.md"
    if not page.exists():
        return {}
    rows: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    inside = False
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif len(cells) == 2 and cells[0].lower() == "table" and "writer" in cells[1].lower():
            inside = True
        elif inside and not set(line) <= set("|-: "):
            modules = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)+", cells[1]))
            if cells[0] == "every table":
                everywhere |= modules
            for table in re.findall(r"[a-z]+_[a-z_]+", cells[0]):
                rows[table] = modules
    return {table: modules | everywhere for table, modules in rows.items()}


def offences(writes: set[Write], allowed: dict[str, set[str]]) -> list[str]:
    """What was written to a table of the page from a module that the page does not name for it."""
    return sorted(
        f"{module} did {verb} on {table}; docs/map.md allows {', '.join(sorted(allowed[table]))}"
        for table, verb, module in writes
        if table in allowed and not any((module + ".").startswith(name + ".") for name in allowed[table])
    )


def unnamed(writes: set[Write], allowed: dict[str, set[str]]) -> list[str]:
    """Tables that somebody writes to and the page does not know, with their writers."""
    return sorted({f"{table} is written by {module}" for table, _, module in writes if table not in allowed})


def _writer(frame: FrameType | None) -> str | None:
    """The innermost project module up the stack; None for tests, migrations and frameworks."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(str(ROOT)) and "/.venv/" not in path:
            module = path[len(str(ROOT)) + 1 :].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if module.startswith(("tests", "benchmarks")) or ".migrations" in module:
                return None
            if module not in HELPERS and ".models" not in module and module != "manage":
                return module
        frame = frame.f_back
    return None
