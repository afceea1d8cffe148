"""`/settings/kpis/`: what this company measures itself by."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics import kpis, metrics, tiles
from analytics.forms import KpiForm
from analytics.models import Kpi
from crm import clock, pages, toasts


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    rows = [(kpi, metrics.SHIPPED[kpi.metric], _target(kpi)) for kpi in kpis.active()]
    put_away = [(kpi, metrics.SHIPPED[kpi.metric]) for kpi in kpis.archived() if kpi.metric in metrics.SHIPPED]
    return render(request, "analytics/kpis/page.html", {"rows": rows, "put_away": put_away})


@pages.page("kpis.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@pages.page("kpis.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Kpi, pk=number))


@pages.page("kpis.write", "POST")
def archive(request: HttpRequest, number: int) -> HttpResponse:
    kpi = get_object_or_404(Kpi, pk=number)
    kpis.archive(kpi, pages.actor(request), clock.now())
    undo = reverse("analytics:kpi-restore", args=[number])
    toasts.say(request, _("%(name)s is put away.") % {"name": _name(kpi)}, undo=undo)
    return pages.go(request, "analytics:kpis")


@pages.page("kpis.write", "POST")
def restore(request: HttpRequest, number: int) -> HttpResponse:
    kpi = get_object_or_404(Kpi, pk=number)
    kpis.restore(kpi, pages.actor(request))
    toasts.say(request, _("%(name)s is back.") % {"name": _name(kpi)})
    return pages.go(request, "analytics:kpis")


@pages.page("kpis.write", "POST")
def move(request: HttpRequest, number: int) -> HttpResponse:
    """One place up, or (`down`) down."""
    kpis.move(get_object_or_404(Kpi, pk=number), pages.actor(request), by=1 if request.POST.get("down") else -1)
    return pages.go(request, "analytics:kpis")


def _edit(request: HttpRequest, kpi: Kpi | None) -> HttpResponse:
    form = KpiForm(request.POST or None, kpi=kpi)
    if request.method == "POST" and form.is_valid():
        if kpi is None:
            kpis.make(form.values(), pages.actor(request))
        else:
            kpis.change(kpi, form.values(), pages.actor(request))
        toasts.say(request, _("Saved."))
        return pages.go(request, "analytics:kpis")
    context = {"form": form, "kpi": kpi, "metrics": metrics.SHIPPED.values()}
    return render(request, "analytics/kpis/edit.html", context, status=422 if form.is_bound else 200)


def _name(kpi: Kpi) -> str:
    metric = metrics.SHIPPED.get(kpi.metric)
    return kpi.name or (str(metric.words) if metric else kpi.metric)


def _target(kpi: Kpi) -> str:
    return tiles.written(metrics.SHIPPED[kpi.metric], kpi.target)
