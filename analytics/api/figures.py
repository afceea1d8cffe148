"""What the figures of the house count, and how its KPIs stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import definitions, kpis, metrics, rollup, tiles
from analytics.api import shapes
from analytics.metrics import Metric
from analytics.models import Kpi
from crm import clock, errors, publicids
from crm.rest import fields, pages
from crm.rest.endpoint import Endpoint

MOST_DAYS: Final = 366
DEFAULT_DAYS: Final = 30


class Metrics(Endpoint):
    """What every figure counts, in the words of the pages: of Home, of the funnel, and of the report of a campaign."""

    needs: ClassVar[dict[str, str]] = {"GET": "office.read"}

    @extend_schema(operation_id="metrics_list", responses=shapes.MetricPage)
    def get(self, request: Request) -> Response:
        house = [metric_line(metric) for metric in _house()]
        return Response({"data": [*house, *(_report_line(each) for each in definitions.REPORT.values())], "next": None})


class Kpis(Endpoint):
    """What the company measures itself by: targets, how they stand now, and the figures of each day."""

    needs: ClassVar[dict[str, str]] = {"GET": "office.read"}

    @extend_schema(
        operation_id="kpis_list",
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATE, description="The first of the days; 29 before `until`."),
            OpenApiParameter("until", OpenApiTypes.DATE, description=f"The last; today. At most {MOST_DAYS} days."),
        ],
        responses=shapes.KpiPage,
    )
    def get(self, request: Request) -> Response:
        now = rollup.moment(clock.now())
        first, last = _days(request, now.today)
        shown, as_of = kpis.active(), rollup.as_of()
        so_far = tiles.read(tiles.oldest_day(shown, now.today, DEFAULT_DAYS), now.today, None)
        daily = tiles.read(first, last, None)
        days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
        lines = [_kpi_line(kpi, so_far, now, as_of) | _daily(kpi, daily, days, now) for kpi in shown]
        return Response({"data": lines, "next": None})


def metric_line(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.name, "name": str(metric.words), "means": str(metric.means), "unit": metric.unit,
        "kind": metric.kind,
    }  # fmt: skip


def _report_line(each: definitions.Definition) -> dict[str, Any]:
    return {
        "key": f"campaign.{each.name}", "name": str(each.words), "means": str(each.means), "unit": each.unit,
        "kind": "cohort",
    }  # fmt: skip


def _house() -> Iterator[Metric]:
    yield from metrics.SHIPPED.values()
    names = [f"stage.{name}" for name in metrics.ladder_names()] + [f"reached.{name}" for name in metrics.climbed()]
    yield from (metric for metric in map(metrics.get, names) if metric)


def _days(request: Request, today: date) -> tuple[date, date]:
    last = pages.day(request, "until", today)
    first = pages.day(request, "from", last - timedelta(days=DEFAULT_DAYS - 1))
    if first > last:
        raise errors.Problem("/until", "before_from", "The last day is before the first.")
    if (last - first).days >= MOST_DAYS:
        raise errors.Problem("/from", "too_many_days", f"At most {MOST_DAYS} days at once.")
    return first, last


def _kpi_line(kpi: Kpi, figures: tiles.Figures, now: rollup.Now, as_of: datetime | None) -> dict[str, Any]:
    metric = metrics.SHIPPED[kpi.metric]
    tile = tiles.build(kpi, figures, now.today, DEFAULT_DAYS, narrowed=False)
    since = kpis.first_day(kpi.period, now.today)
    value = figures.value(metric, since, now.today)
    return {
        "id": publicids.encode("kpi", kpi.pk),
        "name": tile.name,
        "metric": metric_line(metric),
        "target": shapes.figure(metric.unit, kpi.target, now.currency),
        "good": metric.good,
        "period": kpi.period,
        "since": since.isoformat(),
        "owner": str(kpi.owner) if kpi.owner else None,
        "value": shapes.figure(metric.unit, value, now.currency),
        "progress": _progress(value, kpi.target),
        "reached": _reached(metric, value, kpi.target),
        "standing": tile.line,
        "as_of": fields.instant_or_none(as_of),
    }


def _daily(kpi: Kpi, figures: tiles.Figures, days: list[date], now: rollup.Now) -> dict[str, Any]:
    metric = metrics.SHIPPED[kpi.metric]
    return {
        "days": [
            {
                "day": day.isoformat(),
                "value": shapes.figure(metric.unit, figures.value(metric, day, day), now.currency)
                if day <= now.today
                else None,
            }
            for day in days
        ]
    }


def _progress(value: Decimal | None, target: Decimal | None) -> float | None:
    return round(float((value or Decimal(0)) / target), 6) if target else None


def _reached(metric: Metric, value: Decimal | None, target: Decimal | None) -> bool | None:
    if target is None:
        return None
    if metric.good == "down":
        return value is None or value <= target
    return value is not None and value >= target
