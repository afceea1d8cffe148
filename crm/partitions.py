"""Month partitions of the append-only tables (events, visits).

A partition is made before the first row of its month: created on the side and
attached, which does not stop writers. There is no DEFAULT partition: attaching a
month would have to scan it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction

# One key space for advisory locks of the whole house (decision C5): the first half says what for.
LOCK_PARTITIONS = 1 << 32
LOCK_SHARD = 2 << 32
LOCK_CAMPAIGN = 3 << 32
LOCK_AUDIT = 4 << 32
LOCK_ROUND = 5 << 32
LOCK_MEMBERS = 6 << 32
LOCK_SWEEP = 7 << 32
LOCK_TEAM = 8 << 32

_known: set[str] = set()


def ensure_months(table: str, instants: Iterable[datetime]) -> None:
    """Make sure that `table` has a partition for the month of each aware instant."""
    ensure(table, {(moment.year, moment.month) for moment in (each.astimezone(UTC) for each in instants)})


def ensure(table: str, months: set[tuple[int, int]]) -> None:
    """The same for months that are known by year and number."""
    for year, month in sorted(months):
        name = f"{table}_{year:04d}_{month:02d}"
        if name not in _known:
            _ensure(table, name, year, month)


def forget() -> None:
    """Forget which partitions were seen (the database was replaced under this process)."""
    _known.clear()


def _ensure(table: str, name: str, year: int, month: int) -> None:
    after = (year + month // 12, month % 12 + 1)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is None:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_PARTITIONS])
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (LIKE {table} "
                "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE)"
            )
            cursor.execute("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(%s))", [name])
            if not cursor.fetchone()[0]:
                cursor.execute(
                    f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                    [datetime(year, month, 1, tzinfo=UTC), datetime(*after, 1, tzinfo=UTC)],
                )
        # Only a committed partition is remembered: a rolled back one is gone.
        transaction.on_commit(lambda: _known.add(name))
