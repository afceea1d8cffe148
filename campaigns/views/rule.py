"""The rule editor of the segments, for the rules of a journey: those of its lanes, and of its audience.

In the journey it opens in a dialog over the panel; without scripts, or where there is no room for one, on
a page of its own with a way back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import frame, rule_places
from campaigns.models import Campaign
from campaigns.rule_places import Place
from crm import clock, pages, toasts
from crm.errors import Problem, Problems
from crm.segments import builder, faults, workbench
from crm.segments.builder import State

FORM: Final = "campaigns/rule/_form.html"
PAGE: Final = "campaigns/rule/page.html"


@dataclass(frozen=True)
class Desk:
    """A place for a rule with the addresses of its editor."""

    place: Place
    title: str
    change_url: str
    save_url: str
    back_url: str

    @property
    def opened(self) -> State:
        return builder.opened(self.place.rule) if self.place.rule is not None else builder.empty()


@pages.page("campaigns.write")
def lane(request: HttpRequest, campaign_id: int, step: str, lane: int) -> HttpResponse:
    desk = _lane(campaign_id, step, lane)
    return _show(request, desk, desk.opened)


@pages.page("campaigns.write", "POST")
def lane_change(request: HttpRequest, campaign_id: int, step: str, lane: int) -> HttpResponse:
    return _change(request, _lane(campaign_id, step, lane))


@pages.page("campaigns.write", "POST")
def lane_save(request: HttpRequest, campaign_id: int, step: str, lane: int) -> HttpResponse:
    return _save(request, _lane(campaign_id, step, lane))


@pages.page("campaigns.write")
def audience(request: HttpRequest, campaign_id: int) -> HttpResponse:
    desk = _audience(campaign_id)
    return _show(request, desk, desk.opened)


@pages.page("campaigns.write", "POST")
def audience_change(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _change(request, _audience(campaign_id))


@pages.page("campaigns.write", "POST")
def audience_save(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _save(request, _audience(campaign_id))


# --- the places ----------------------------------------------------------------------------------


def _lane(campaign_id: int, step: str, number: int) -> Desk:
    place = rule_places.lane(frame.campaign_of(campaign_id), step, number)
    if place is None:
        raise Http404
    args = [campaign_id, step, number]
    title = _("Rule of the lane “%(lane)s”") % {"lane": place.label}
    back = f"{reverse('campaigns:journey', args=[campaign_id])}?{urlencode({'step': step})}"
    change, save = reverse("campaigns:lane-rule-change", args=args), reverse("campaigns:lane-rule-save", args=args)
    return Desk(place, title, change, save, back)


def _audience(campaign_id: int) -> Desk:
    place, args = rule_places.audience(frame.campaign_of(campaign_id)), [campaign_id]
    change = reverse("campaigns:audience-rule-change", args=args)
    save = reverse("campaigns:audience-rule-save", args=args)
    return Desk(place, _("Rule of the audience"), change, save, reverse("campaigns:goal", args=args))


# --- what is asked -------------------------------------------------------------------------------


def _change(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The rule after a button; nothing is kept."""
    try:
        made = workbench.changed(request.POST.dict())
    except Problem as problem:
        return HttpResponse(problem.detail, status=422)
    if not pages.is_fragment(request):
        return _show(request, desk, made.state, seen=request.POST.get("seen", ""))
    answer = render(request, "crm/segments/_rule.html", workbench.after(made, desk.change_url))
    answer.headers["HX-Trigger"] = json.dumps({"rule-changed": {"target": "#rules"}})
    return answer


def _save(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Keep it. 422: a mistake, told at its row; 409: somebody else changed this rule meanwhile."""
    try:
        state = builder.posted(request.POST.dict())
    except Problem as problem:
        return HttpResponse(problem.detail, status=422)
    rule, seen = _wanted(desk, state), request.POST.get("seen", "")
    wrong = workbench.problems(rule)
    if wrong:
        return _show(request, desk, state, wrong=wrong, seen=seen, status=422)
    if seen != desk.place.seen and rule != desk.place.rule:
        return _show(request, desk, state, stale=True, status=409)
    try:
        campaign = rule_places.keep(desk.place, rule, actor=pages.actor(request), now=clock.now())
    except Problems as problems:
        return _show(request, desk, state, wrong=problems.problems, seen=seen, status=422)
    except Problem:
        return _show(request, desk, state, stale=True, seen=seen, status=409)
    return _kept(request, desk, campaign)


def _wanted(desk: Desk, state: State) -> Any:
    """The rule that stands there; as it was written where it was only opened."""
    rule = builder.rule(state)
    return desk.place.rule if desk.place.rule is not None and rule == builder.rule(desk.opened) else rule


def _kept(request: HttpRequest, desk: Desk, campaign: Campaign) -> HttpResponse:
    if pages.is_fragment(request):
        said = json.dumps({"rule-kept": {}, "draft-changed": {"revision": campaign.revision}})
        return HttpResponse(status=204, headers={"HX-Trigger": said})
    toasts.say(request, _("Saved."))
    return redirect(desk.back_url)


# --- what is shown -------------------------------------------------------------------------------


def _show(
    request: HttpRequest,
    desk: Desk,
    state: State,
    *,
    wrong: Sequence[Problem] = (),
    stale: bool = False,
    seen: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The editor. Where somebody was faster, what they made is told, and saving once more puts this in its place."""
    context = {
        **workbench.shown(state, desk.change_url, wrong),
        "campaign": desk.place.campaign,
        "desk": desk,
        "seen": desk.place.seen if seen is None else seen,
        "words": workbench.words(builder.rule(state)),
        "problems": faults.summary(list(wrong)),
        "stale": _stale(desk) if stale else None,
        "in_dialog": pages.is_fragment(request),
    }
    return render(request, FORM if pages.is_fragment(request) else PAGE, context, status=status)


def _stale(desk: Desk) -> dict[str, Any]:
    """Who was faster, and what stands there now."""
    last = frame.last_change(desk.place.campaign)
    return {**last, "url": desk.back_url, "words": workbench.words(desk.place.rule)}
