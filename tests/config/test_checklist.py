"""The list of promises names only tests that are there, and no promise gets lost."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "ux-checklist.md"
TASKS = ["T1", "T2", "T3", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T15", "T16", "T17", "T18", "T19", "T20"]
NUMBERS = [
    *map(str, [*range(1, 41), 43, 44, 45, 50, *range(53, 73)]),
    *TASKS,
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
OPEN = re.compile(r"\b(not yet|no test)\b", re.IGNORECASE)


class Row(NamedTuple):
    number: str
    promise: str
    shown_by: str
    remark: str


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [Row(*(cell.strip() for cell in line[1:-1].split("|"))) for line in lines[2:]]


@cache
def held_by(path: str) -> frozenset[str]:
    """The tests of a file; none where there is no file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_"))


def test_no_promise_is_missing() -> None:
    assert [row.number for row in rows()] == NUMBERS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_a_promise_names_tests_that_are_there(row: Row) -> None:
    assert row.promise
    named = NAMED.findall(row.shown_by)
    # Nothing else may stand there: a name that is misspelt would not be seen.
    assert NAMED.sub("", row.shown_by).strip(" ,") == ""
    assert named or OPEN.search(row.remark), "a promise without a test says so"
    gone = [f"{path}::{name}" for path, name in named if name not in held_by(path)]
    assert gone == []
