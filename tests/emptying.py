"""The database emptied after a test that committed: only what holds rows, by DELETE.

Django would truncate each of more than a hundred tables, with all their files, and migrate nothing anew: half a second,
some hundred times. What it keeps from test to test we keep too: the rows that `post_migrate` makes.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, Final

from django.db import connection
from django.test import TransactionTestCase

# Made once by `migrate`. Beat's rows are looked over each time.
BEAT: Final = {
    "django_celery_beat_periodictask", "django_celery_beat_intervalschedule", "django_celery_beat_periodictasks",
}  # fmt: skip
KEPT: Final = {"django_content_type", "auth_permission", "django_migrations", *BEAT}
OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND xact_start IS NOT NULL AND backend_type = 'client backend'"""
PATIENCE: Final = 5.0


def install() -> None:
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[method-assign]


def _teardown(self: Any) -> None:
    del self
    from django_celery_beat.models import PeriodicTask

    from analytics import kpis
    from config import pumps

    empty()
    kpis.ensure()
    pumps.ensure()
    PeriodicTask.objects.exclude(last_run_at=None).update(last_run_at=None)


def empty() -> None:
    with connection.cursor() as cursor:
        _wait(cursor)
        cursor.execute(_look())
        full = [table for (table,) in cursor.fetchall()]
        if full:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in full))
            cursor.execute("SET session_replication_role = DEFAULT")


def _wait(cursor: Any) -> None:
    """What a server or a worker of the test is still writing comes to its end first."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        cursor.execute(OTHERS)
        if not cursor.fetchone()[0]:
            return
        time.sleep(0.01)


@lru_cache(maxsize=1)
def _look() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in sorted(set(tables) - KEPT)
    )
