"""All campaigns: found, filtered, put away and brought back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import frame, lifecycle, status
from campaigns.models import Campaign
from crm import clock, pages, publicids, tables, toasts
from crm.errors import Problem
from crm.models import User


@pages.page("campaigns.read")
def page(request: HttpRequest) -> HttpResponse:
    """Newest first; the filters are the query of the address."""
    state, text, owner = (request.GET.get(name, "").strip()[:200] for name in ("state", "q", "owner"))
    shown = tables.page(status.chosen(state, text, publicids.number(owner)), "-id", request.GET.get("cursor", ""))
    context = {
        "page": shown,
        "rows": _rows(request, shown.rows),
        "ids": ",".join(str(row.pk) for row in shown.rows),
        "state": state,
        "text": text,
        "owner": owner,
        "states": status.STATES,
        "owners": User.objects.filter(pk__in=Campaign.objects.values("owner_id")).order_by("name", "email"),
        "filtered": bool(state or text or owner),
    }
    return render(request, "campaigns/list/page.html", context)


def _rows(request: HttpRequest, campaigns: list[Campaign]) -> list[dict[str, Any]]:
    known = status.facts([each.pk for each in campaigns], clock.now())
    return [
        {
            "campaign": each,
            "known": known[each.pk],
            "status": status.of(each, known[each.pk]),
            "scheduled": status.is_scheduled(known[each.pk]),
            "verbs": frame.verbs(request, each),
            "can_archive": each.state in ("draft", "finished", "stopped"),
        }
        for each in campaigns
    ]


@pages.page("campaigns.read")
def figures(request: HttpRequest) -> HttpResponse:
    """The numbers that take counting, put into the list out of band."""
    asked = request.GET.get("ids", "").split(",")[: tables.A_PAGE]
    ids = [number for each in asked if (number := publicids.number(each)) is not None]
    now = clock.now()
    counted, known = status.figures(ids), status.facts(ids, now)
    rows = [
        {
            "campaign": each,
            "inside": counted.inside.get(each.pk, 0),
            "converted": counted.converted.get(each.pk, 0),
            "target": known[each.pk].target,
            "status": status.of(each, known[each.pk], counted.inside.get(each.pk, 0)),
        }
        for each in Campaign.objects.defer("document").filter(pk__in=ids)
    ]
    return render(request, "campaigns/list/_figures.html", {"rows": rows})


@pages.page("campaigns.write", "POST")
def duplicate(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    name = _("%(name)s (copy)") % {"name": campaign.name[:180]}
    made = lifecycle.duplicate(campaign, name, pages.actor(request), clock.now(), frame.owner_id(request))
    toasts.say(request, _("A copy was made: %(name)s.") % {"name": made.name})
    return pages.go(request, "campaigns:goal", made.pk)


@pages.page("campaigns.write", "POST")
def archive(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    try:
        lifecycle.archive(campaign, pages.actor(request), clock.now())
    except Problem:
        toasts.say(request, _("%(name)s still runs; stop or finish it first.") % {"name": campaign.name}, tone="warn")
    else:
        way_back = reverse("campaigns:unarchive", args=[campaign.pk])
        toasts.say(request, _("%(name)s was archived.") % {"name": campaign.name}, undo=way_back)
    return pages.go(request, "campaigns:list")


@pages.page("campaigns.write", "POST")
def unarchive(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    lifecycle.unarchive(campaign, pages.actor(request))
    toasts.say(request, _("%(name)s is back in the list.") % {"name": campaign.name})
    return pages.go(request, "campaigns:list")
