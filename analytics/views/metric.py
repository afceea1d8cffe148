"""`/analytics/metrics/<name>/`: what a figure counts, its days, and who or what is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from analytics import behind, metrics, rollup, tiles
from analytics.behind import Part
from analytics.metrics import Metric, Span
from crm import clock, moments, pages, publicids, tables
from crm.models import Store

PERIODS: Final = (1, 7, 30, 90, 365)


@dataclass(frozen=True)
class Asked:
    """Which rows: the days, above or below the line, one store or all."""

    span: Span
    part: Part
    store: Store | None
    days: int
    day: date | None


@pages.page("office.read")
def page(request: HttpRequest, name: str) -> HttpResponseBase:
    """As a page, or as CSV with `?format=csv`: the same rows."""
    metric = metrics.get(name)
    if metric is None:
        raise Http404
    asked = _asked(request, metric)
    store = asked.store.pk if asked.store else None
    if request.GET.get("format") == "csv":
        return _file(metric, asked, store)
    rows = behind.page(metric, asked.span, part=asked.part, store=store, cursor=request.GET.get("cursor", ""))
    figures = tiles.read(asked.span.first, asked.span.last, store)
    value = figures.value(metric, asked.span.first, asked.span.last)
    return render(request, "analytics/metrics/page.html", {
        "metric": metric, "asked": asked, "page": rows, "value": tiles.written(metric, value),
        "trend": figures.trend(metric, asked.span.first, asked.span.last), "periods": PERIODS,
        "as_of": rollup.as_of(), "today": asked.span.last,
        "stores": Store.objects.filter(active=True).order_by("name") if metric.by_store else [],
        "parts": [("above", metric.above), ("below", metric.below)] if metric.below else [],
    })  # fmt: skip


def _asked(request: HttpRequest, metric: Metric) -> Asked:
    now = rollup.moment(clock.now())
    period, code = request.GET.get("period", ""), request.GET.get("store", "")
    days = int(period) if period.isdecimal() and int(period) in PERIODS else 30
    day = _day(request.GET.get("day", ""), now.today)
    span = now.span(day, day) if day else now.span(now.today - timedelta(days=days - 1), now.today)
    part: Part = "below" if request.GET.get("part") == "below" and metric.below else "above"
    store = Store.objects.filter(code=code).first() if code and metric.by_store else None
    return Asked(span, part, store, days, day)


def _day(text: str, today: date) -> date | None:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found and moments.OLDEST.date() <= found <= today else None


def _file(metric: Metric, asked: Asked, store: int | None) -> HttpResponse:
    heads = [_("When"), _("Contact"), _("Name"), _("Store"), _("What"), _("Number")]
    rows = behind.all_rows(metric, asked.span, part=asked.part, store=store)
    name = f"{metric.name}-{asked.span.first}-{asked.span.last}"

    def cells(row: behind.Row) -> list[object]:
        at = row.at.isoformat() if row.at else ""
        return [at, publicids.encode("ctc", row.contact_id), row.contact, row.store, row.ref, row.number]

    return tables.as_csv(name, heads, rows, cells)  # type: ignore[return-value]
