"""Which indexes can answer a question, whatever the planner knows of a table of five rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

OTHERS = """
SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, c.conname FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u', 'x')
WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indexrelid::regclass::text = ANY(%s)"""


def told(sql: str, given: Sequence[Any], tables: Sequence[str], indexes: Sequence[str]) -> str:
    """The plan of `sql` when its tables have these indexes alone, in a test that takes everything back.

    Of a few rows any index is as good as another, and which one is taken hangs on what other tests left in the
    statistics. With the others gone and no scan allowed, an index that can answer is an index that does.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(OTHERS, [list(tables), list(indexes)])
        for index, table, constraint in cursor.fetchall():
            if constraint:
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}" CASCADE')
            else:
                cursor.execute(f"DROP INDEX {index}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", list(given))
        return "\n".join(line for (line,) in cursor.fetchall())
