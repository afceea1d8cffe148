"""Is this installation ready to serve? The broker does not count: the web works without it."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse

from config import pumps

_migrated = False


def ready() -> dict[str, str]:
    """Each check by name: "ok", or what is wrong."""
    try:
        checks = {"database": "ok", "migrations": _migrations(), "beat": ""}
        checks["beat"] = _beat() if checks["migrations"] == "ok" else "not asked before migrate"
    except DatabaseError as error:
        return {"database": f"no answer: {type(error).__name__}"}
    return checks


def ready_response() -> JsonResponse:
    checks = ready()
    ok = all(answer == "ok" for answer in checks.values())
    return JsonResponse({"ready": ok, "checks": checks}, status=200 if ok else 503)


def _migrations() -> str:
    global _migrated
    if not _migrated:  # migrations are never unapplied below a running process
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            return f"{len(waiting)} not applied: run `manage.py migrate`"
        _migrated = True
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    return "ok"


def _beat() -> str:
    silent = pumps.silence()
    if silent is None:
        return "beat has never run"
    if silent.total_seconds() > settings.BEAT_SILENT_SECONDS:
        return f"beat has been silent for {int(silent.total_seconds())} s"
    return "ok"
