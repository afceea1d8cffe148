"""Targets of this company: made, changed, put away and brought back. The one writer of Kpi."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from analytics import metrics
from analytics.models import Kpi, Period
from crm import audit

FIELDS: Final = ("name", "metric", "target", "period", "owner_id")
MOST: Final = 12


def ensure(**_: Any) -> None:
    """The shipped figures as tiles, once: where there was never a KPI. No targets: those are the company's own."""
    if not Kpi.objects.exists():
        Kpi.objects.bulk_create(
            [Kpi(metric=name, period="month", place=place) for place, name in enumerate(metrics.SHIPPED, start=1)]
        )


def active() -> list[Kpi]:
    """Those that are shown, in their order."""
    found = Kpi.objects.filter(archived_at=None, metric__in=metrics.SHIPPED).select_related("owner")
    return list(found.order_by("place", "pk")[:MOST])


def archived() -> list[Kpi]:
    return list(Kpi.objects.exclude(archived_at=None).select_related("owner").order_by("-archived_at")[:MOST])


def make(values: Mapping[str, Any], actor: str) -> Kpi:
    with transaction.atomic():
        last = Kpi.objects.order_by("-place").values_list("place", flat=True).first() or 0
        kpi = Kpi.objects.create(**values, place=last + 1)
        audit.record(actor, "kpi.create", _subject(kpi), None, _shown(kpi))
    return kpi


def change(kpi: Kpi, values: Mapping[str, Any], actor: str) -> Kpi:
    """Another target, period, name …; the same again changes nothing."""
    with transaction.atomic():
        held = Kpi.objects.select_for_update().get(pk=kpi.pk)
        before = _shown(held)
        for name, value in values.items():
            setattr(held, name, value)
        if _shown(held) != before:
            held.save(update_fields=list(values))
            audit.record(actor, "kpi.update", _subject(held), before, _shown(held))
    return held


def archive(kpi: Kpi, actor: str, now: Any) -> None:
    _put(kpi, now, actor, "kpi.archive")


def restore(kpi: Kpi, actor: str) -> None:
    _put(kpi, None, actor, "kpi.restore")


def move(kpi: Kpi, actor: str, *, by: int) -> None:
    """One place up (`by` -1) or down (1) among those that are shown."""
    with transaction.atomic():
        shown = list(Kpi.objects.select_for_update().filter(archived_at=None).order_by("place", "pk"))
        here = next((place for place, each in enumerate(shown) if each.pk == kpi.pk), None)
        if here is None or not 0 <= here + by < len(shown):
            return
        shown.insert(here + by, shown.pop(here))
        for place, each in enumerate(shown, start=1):
            if each.place != place:
                each.place = place
                each.save(update_fields=["place"])
        audit.record(actor, "kpi.move", _subject(kpi), {"place": here + 1}, {"place": here + 1 + by})


def first_day(period: str, today: date) -> date:
    """The day from which a target counts: the period that is under way, from its beginning."""
    if period == Period.DAY:
        return today
    if period == Period.WEEK:
        return today - timedelta(days=today.weekday())
    if period == Period.QUARTER:
        return today.replace(month=today.month - (today.month - 1) % 3, day=1)
    if period == Period.YEAR:
        return today.replace(month=1, day=1)
    if period == Period.ROLLING:
        return today - timedelta(days=29)
    return today.replace(day=1)


def _put(kpi: Kpi, archived_at: Any, actor: str, action: str) -> None:
    with transaction.atomic():
        held = Kpi.objects.select_for_update().get(pk=kpi.pk)
        if (held.archived_at is None) != (archived_at is None):
            held.archived_at = archived_at
            held.save(update_fields=["archived_at"])
            audit.record(actor, action, _subject(held), None, _shown(held))


def _subject(kpi: Kpi) -> str:
    return f"kpi:{kpi.pk}"


def _shown(kpi: Kpi) -> dict[str, Any]:
    """`target` in one spelling: 5 and 5.0000 are the same target."""
    values = {name: getattr(kpi, name) for name in FIELDS}
    target = values["target"]
    return {**values, "target": None if target is None else format(Decimal(target).normalize(), "f")}
