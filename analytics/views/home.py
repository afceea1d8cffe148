"""`/`: Home, and its parts that change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from analytics import home, kpis
from analytics.forms import TargetForm
from analytics.models import Kpi
from crm import clock, errands, pages, preferences, toasts
from crm.forms.errands import TaskForm
from crm.models import Store, User

HIDDEN: Final = "home.started_hidden"


@dataclass(frozen=True)
class Choice:
    """What the filters ask for; nonsense is the default."""

    days: int
    store: Store | None


@pages.page("office.read")
def _office(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - the door lets in nobody else
    user, now = request.user, clock.now()
    stores = home.stores()
    choice = _choice(request, stores)
    figures = home.figured(user, now, days=choice.days, store=choice.store.pk if choice.store else None)
    context = {"figures": figures, "choice": choice, "stores": stores, "now": now, "day_choices": home.DAYS}
    if pages.is_fragment(request):
        return render(request, "analytics/home/_renewed.html", context)
    steps, has_demo = home.getting_started(pages.permissions(request))
    return render(request, "analytics/home/page.html", {
        **context, "steps": steps, "has_demo": has_demo, "steps_done": sum(step.done for step in steps),
        "hidden": preferences.of(user, HIDDEN), "tasks": errands.open_of(user),
        "ends": errands.end_of_day(now), "task_form": TaskForm(user=user, now=now),
    })  # fmt: skip


@wraps(_office)
def page(request: HttpRequest) -> HttpResponseBase:
    """Whoever does not work in the office is told where their own places are."""
    if request.user.is_authenticated and not pages.may(request, "office.read"):
        return render(request, "analytics/home/elsewhere.html", status=403)
    return _office(request)


@pages.page("kpis.write", "GET", "POST")
def target(request: HttpRequest, number: int) -> HttpResponse:
    """The target of a tile, in its place: the form, and after it the tile."""
    kpi = get_object_or_404(Kpi, pk=number, archived_at=None)
    choice = _choice(request, home.stores())
    form = TargetForm(request.POST or None, kpi=kpi)
    context: dict[str, Any] = {"kpi": kpi, "form": form, "choice": choice}
    if not pages.is_fragment(request) and (request.method != "POST" or not form.is_valid()):
        return pages.go(request, "analytics:kpi", kpi.pk)  # without scripts: its own page
    if request.method != "POST" and not request.GET.get("keep"):
        return render(request, "analytics/home/_target.html", context)
    if request.method == "POST":
        if not form.is_valid():
            answer = render(request, "analytics/home/_target.html", context, status=422)
            answer["HX-Retarget"] = f"#tile-{kpi.pk} .home-tile-foot"
            return answer
        kpi = kpis.change(kpi, {"target": form.value()}, pages.actor(request))
        if not pages.is_fragment(request):
            toasts.say(request, _("Target saved."))
            return pages.go(request, "home")
    tile = home.tile(kpi, clock.now(), days=choice.days, store=choice.store.pk if choice.store else None)
    return render(request, "analytics/home/_tile.html", {"tile": tile, "choice": choice})


@pages.page("office.read", "POST")
def hide(request: HttpRequest) -> HttpResponse:
    """Put the list of first steps away, or (`show`) bring it back: for oneself."""
    assert isinstance(request.user, User)  # noqa: S101
    show = bool(request.POST.get("show"))
    preferences.keep(request.user, HIDDEN, not show)
    return pages.go(request, "home")


def _choice(request: HttpRequest, stores: list[Store]) -> Choice:
    days, code = request.GET.get("days", ""), request.GET.get("store", "")
    asked = int(days) if days.isdecimal() and int(days) in home.DAYS else 30
    return Choice(asked, next((store for store in stores if store.code == code), None))
