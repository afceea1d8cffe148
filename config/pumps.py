"""The few fixed rows from which beat rings: one per round, every N seconds, UTC.

Schedules of users are rows of their own with zone and local time; they are never
beat's business.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crm import clock
from crm.registry import Round, rounds

HEARTBEAT = "cauce.heartbeat"
_MARK = "A pump of Cauce: rewritten after each migrate."


def ensure() -> None:
    """Make beat's rows those of the registry; writes only what differs."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks  # noqa: PLC0415

    wanted = {each.name: each for each in rounds}
    rows = PeriodicTask.objects.filter(description=_MARK).select_related("interval")
    stored = {row.name: (row.interval.every, row.expire_seconds) for row in rows if row.interval}
    if stored == {name: (each.every_seconds, _expiry(each)) for name, each in wanted.items()}:
        _ensure_heartbeat()
        return
    rows.exclude(name__in=wanted).delete()
    for name, each in wanted.items():
        interval = IntervalSchedule.objects.filter(every=each.every_seconds, period=IntervalSchedule.SECONDS).first()
        interval = interval or IntervalSchedule.objects.create(
            every=each.every_seconds, period=IntervalSchedule.SECONDS
        )
        PeriodicTask.objects.update_or_create(
            name=name,
            defaults={"task": name, "interval": interval, "expire_seconds": _expiry(each), "description": _MARK},
        )
    _ensure_heartbeat()
    PeriodicTasks.update_changed()


def ensure_after_migrate(**_: Any) -> None:
    from django.db import connection  # noqa: PLC0415

    if "django_celery_beat_periodictask" in connection.introspection.table_names():
        ensure()


def beat() -> None:
    """Note that beat is alive, by the machine's clock."""
    from django_celery_beat.models import PeriodicTask  # noqa: PLC0415

    PeriodicTask.objects.filter(name=HEARTBEAT).update(last_run_at=clock.real())


def silence() -> timedelta | None:
    """How long beat has been silent, by the machine's clock; None if it never spoke."""
    from django_celery_beat.models import PeriodicTask  # noqa: PLC0415

    last: datetime | None = PeriodicTask.objects.filter(name=HEARTBEAT).values_list("last_run_at", flat=True).first()
    return clock.real() - last.astimezone(UTC) if last else None


def _expiry(each: Round) -> int:
    # A bell nobody heard is worthless once the next one has rung.
    return max(2, each.every_seconds)


def _ensure_heartbeat() -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask  # noqa: PLC0415

    if PeriodicTask.objects.filter(name=HEARTBEAT).exists():
        return
    interval, _ = IntervalSchedule.objects.get_or_create(every=5, period=IntervalSchedule.SECONDS)
    # Never sent: beat writes its `last_run_at` itself.
    PeriodicTask.objects.create(
        name=HEARTBEAT, task=HEARTBEAT, interval=interval, enabled=False, description="Beat's sign of life."
    )
