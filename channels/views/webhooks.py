"""`/developers/webhooks/`: whom we tell what happens here, and what became of each telling."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from channels.forms.webhooks import EndpointForm
from channels.models import WebhookDelivery, WebhookEndpoint
from channels.webhooks import endpoints, kinds, log, queue, telling
from crm import clock, pages, tables, toasts
from crm.errors import Problem, Problems

SINCE: Final = {
    1: gettext_lazy("the last day"), 7: gettext_lazy("the last 7 days"), 30: gettext_lazy("the last 30 days"),
}  # fmt: skip


@pages.page("webhooks.write", "GET")
def page(request: HttpRequest) -> HttpResponse:
    shown = [{"row": row, "health": health, "chip": _chip(row, health)} for row, health in log.endpoints()]
    return render(request, "channels/webhooks/list.html", {"endpoints": shown, "most": log.MOST})


@pages.page("webhooks.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, WebhookEndpoint(kinds=["contact.*"]))


@pages.page("webhooks.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    return _edit(request, _row(number))


@sensitive_variables("secret")
def _edit(request: HttpRequest, row: WebhookEndpoint) -> HttpResponse:
    form = EndpointForm(request.POST if request.method == "POST" else None, endpoint=row)
    if request.method == "POST" and form.is_valid():
        try:
            secret = endpoints.put(row, form.values(), pages.actor(request))
        except Problems as problems:
            form.blame(problems)
        else:
            if secret:
                return _once(request, row, secret)
            toasts.say(request, _("Saved."))
            return pages.go(request, "channels:webhook", row.pk)
    context = {"form": form, "endpoint": row, "examples": _examples()}
    return render(request, "channels/webhooks/edit.html", context, status=422 if form.is_bound else 200)


@pages.page("webhooks.write", "POST")
@sensitive_variables("secret")
def roll(request: HttpRequest, number: int) -> HttpResponse:
    row = _row(number)
    try:
        secret = endpoints.roll(number, pages.actor(request))
    except Problem as problem:
        return _sorry(request, problem, number)
    row.refresh_from_db()
    return _once(request, row, secret)


@never_cache
@sensitive_variables("secret")
def _once(request: HttpRequest, row: WebhookEndpoint, secret: str) -> HttpResponse:
    """The only page that shows a secret; no other request brings it again."""
    return render(request, "channels/webhooks/secret.html", {"endpoint": row, "secret": secret})


@pages.page("webhooks.write", "GET")
def endpoint(request: HttpRequest, number: int) -> HttpResponse:
    """An endpoint with its log."""
    row = _row(number)
    state = request.GET.get("state", "")
    found = tables.page(log.deliveries(number, state), "-id", request.GET.get("cursor", ""))
    health = log.health([number])[number]
    return render(
        request,
        "channels/webhooks/endpoint.html",
        {
            "endpoint": row,
            "health": health,
            "chip": _chip(row, health),
            "page": found,
            "deliveries": [log.shown(each) for each in found.rows],
            "state": state,
            "states": [("", _("All")), ("due", _("Waiting")), ("done", _("Arrived")), ("failed", _("Failed"))],
            "since": SINCE.items(),
            "rolling": row.rolled_until is not None and row.rolled_until > clock.real(),
        },
    )


@pages.page("webhooks.write", "GET")
def delivery(request: HttpRequest, number: int, delivery: int) -> HttpResponse:
    row = get_object_or_404(WebhookDelivery, pk=delivery, endpoint_id=number, endpoint__removed_at=None)
    payload = json.dumps(json.loads(row.payload), indent=2, ensure_ascii=False)
    context = {
        "endpoint": row.endpoint, "each": log.shown(row), "answers": log.answers(row), "payload": payload,
        "words": kinds.KINDS[row.kind].words if row.kind in kinds.KINDS else _("A test event"),
    }  # fmt: skip
    part = "channels/webhooks/_delivery.html" if pages.is_fragment(request) else "channels/webhooks/delivery.html"
    return render(request, part, context)


@pages.page("webhooks.write", "POST")
def resend(request: HttpRequest, number: int, delivery: int) -> HttpResponse:
    try:
        queue.resend(number, delivery, pages.actor(request))
    except Problem as problem:
        return _sorry(request, problem, number)
    toasts.say(request, _("It is sent again."))
    return pages.go(request, "channels:webhook-delivery", number, delivery)


@pages.page("webhooks.write", "POST")
def resend_failed(request: HttpRequest, number: int) -> HttpResponse:
    days = request.POST.get("days", "")
    if not days.isdecimal() or int(days) not in SINCE:
        raise Http404
    try:
        moved = queue.resend_failed(number, clock.real() - timedelta(days=int(days)), pages.actor(request))
    except Problem as problem:
        return _sorry(request, problem, number)
    words = ngettext("%(count)s event is sent again.", "%(count)s events are sent again.", moved) % {"count": moved}
    toasts.say(request, words if moved else _("Nothing failed in this time."))
    return pages.go(request, "channels:webhook", number)


@pages.page("webhooks.write", "POST")
def test(request: HttpRequest, number: int) -> HttpResponse:
    row = _row(number)
    if not row.active:
        toasts.say(request, _("This endpoint is switched off. Switch it on first."), tone="warn")
        return pages.go(request, "channels:webhook", number)
    made = telling.test(number)
    return pages.go(request, "channels:webhook-delivery", number, made.pk)


@pages.page("webhooks.write", "POST")
def switch(request: HttpRequest, number: int) -> HttpResponse:
    on = bool(request.POST.get("on") or request.GET.get("on"))
    try:
        row = endpoints.switch(number, pages.actor(request), on=on)
    except Problem as problem:
        return _sorry(request, problem, number)
    if on:
        toasts.say(request, _("%(name)s is told again.") % {"name": row.name})
    else:
        undo = reverse("channels:webhook-switch", args=[number]) + "?on=1"
        toasts.say(request, _("%(name)s is told nothing more; what waits is kept.") % {"name": row.name}, undo=undo)
    return pages.go(request, "channels:webhook", number)


@pages.page("webhooks.write", "POST")
def remove(request: HttpRequest, number: int) -> HttpResponse:
    try:
        row = endpoints.remove(number, pages.actor(request))
    except Problem as problem:
        return _sorry(request, problem, number)
    toasts.say(request, _("%(name)s was removed.") % {"name": row.name})
    return pages.go(request, "channels:webhooks")


def _row(number: int) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint, pk=number, removed_at=None)


def _sorry(request: HttpRequest, problem: Problem, number: int) -> HttpResponse:
    if problem.code == "not_found" and not WebhookEndpoint.objects.filter(pk=number, removed_at=None).exists():
        raise Http404
    toasts.say(request, problem.detail, tone="bad")
    return pages.go(request, "channels:webhook", number)


def _chip(row: WebhookEndpoint, health: log.Health) -> tuple[str, Any]:
    """How it does, in a word: (tone, words)."""
    if not row.active:
        gone = row.off_because == endpoints.GONE
        return ("bad", _("Switched off: it answered 410 Gone")) if gone else ("", _("Switched off"))
    if row.failing_since is not None:
        return "bad", _("Does not answer")
    return ("ok", _("Arrives")) if health.arrived_at else ("info", _("Nothing sent yet"))


def _examples() -> list[dict[str, Any]]:
    """Each kind with a payload."""
    return [
        {"kind": each, "payload": json.dumps(
            {"type": each.name, "timestamp": "2026-05-04T09:30:00Z", "data": each.example}, indent=2)}
        for each in kinds.KINDS.values()
    ]  # fmt: skip
