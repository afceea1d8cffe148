"""All promises asked at once, of one snapshot: between two transactions many are briefly untrue (C17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from crm import registry
from crm.registry import Invariant


@dataclass(frozen=True)
class Finding:
    """An invariant and the rows that break it; none: it holds."""

    name: str
    promise: str
    rows: tuple[tuple[Any, ...], ...]


def verify() -> list[Finding]:
    """Ask every registered invariant in one read-only REPEATABLE READ transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [ask(invariant) for invariant in registry.invariants]


def ask(invariant: Invariant) -> Finding:
    """One invariant, in the transaction of the caller."""
    if invariant.rows is not None:
        rows = invariant.rows()
    else:
        with connection.cursor() as cursor:
            cursor.execute(invariant.sql, list(invariant.params) or None)
            rows = cursor.fetchall()
    return Finding(invariant.name, invariant.promise, tuple(tuple(row) for row in rows))
