"""One file reads the machine's time; everything else is given `now` or asks `crm.clock`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
READS_TIME = re.compile(
    r"\b(?:timezone\.now|datetime\.now|datetime\.utcnow|date\.today|datetime\.today|time\.time)\(|"
    r"\bauto_now(?:_add)?\s*=|\bfunctions import [^\n]*\bNow\b|(?<![\w.])Now\(\)",
)
# In SQL: the functions that know nothing of a moved clock.
SQL_TIME = re.compile(
    r"(?<![\w.])(?:now\(\)|current_timestamp|current_date|localtimestamp|statement_timestamp\(\))", re.IGNORECASE
)
CODE = sorted(
    path
    for app in ("config", "crm", "channels", "campaigns", "analytics")
    for path in (ROOT / app).rglob("*.py")
    if path != ROOT / "crm" / "clock.py" and "migrations" not in path.parts
)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_clock_reads_the_time(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("#")[0]
        assert not READS_TIME.search(code), f"{path}:{number} reads the machine's time; ask crm.clock"
        if '"' in code or "'" in code or code.isupper():
            assert not SQL_TIME.search(code), f"{path}:{number} asks SQL for the time; use cauce_now() or a parameter"


def test_only_the_demo_puts_business_time_elsewhere() -> None:
    users = {str(path.relative_to(ROOT)) for path in CODE if "clock.at(" in path.read_text()}
    assert users == {"config/demo_life.py"}


@pytest.mark.parametrize(
    "line", ["x = timezone.now()", "d = datetime.now(UTC)", "at = models.DateTimeField(auto_now_add=True)"]
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert READS_TIME.search(line)
