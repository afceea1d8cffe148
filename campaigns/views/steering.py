"""Pause, resume, finish, stop: each says whom it touches before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns import frame, lifecycle
from campaigns.models import Campaign
from channels import states
from crm import clock, pages, toasts
from crm.errors import Problem

VERBS = {
    "pause": lifecycle.pause,
    "resume": lifecycle.resume,
    "finish": lifecycle.finish,
    "stop": lifecycle.stop,
}
TOUCHED = """
SELECT (SELECT count(*) FROM campaigns_enrolment WHERE campaign_id = %(campaign)s AND state <> 'done'),
       (SELECT count(*) FROM channels_message WHERE campaign_id = %(campaign)s
          AND (state = ANY(%(queued)s) OR (state = %(handing)s AND started_at IS NULL))),
       (SELECT count(*) FROM campaigns_pendingentry WHERE campaign_id = %(campaign)s)
"""
SWEPT = """
SELECT count(*) FILTER (WHERE contact_id > %(cursor)s), count(*) FROM campaigns_enrolment
WHERE campaign_id = %(campaign)s AND state <> 'done'
"""


@dataclass(frozen=True)
class Touched:
    """People inside, messages that are planned and have not left, people who wait to come in."""

    people: int
    messages: int
    waiting: int


def touched(campaign: Campaign) -> Touched:
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, {"campaign": campaign.pk, "queued": list(states.QUEUED), "handing": states.HANDING_OFF})
        return Touched(*cursor.fetchone())


@pages.page("campaigns.publish", "GET", "POST")
def page(request: HttpRequest, campaign_id: int, verb: str) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    if verb not in VERBS:
        raise Http404
    if request.method == "POST":
        return _do(request, campaign, verb)
    context = {
        **frame.around(request, campaign, "steer", clock.now()),
        "verb": verb,
        "touched": touched(campaign),
        "possible": campaign.state in frame.VERBS[verb],
    }
    return render(request, "campaigns/review/steer.html", context)


def _do(request: HttpRequest, campaign: Campaign, verb: str) -> HttpResponse:
    known = touched(campaign)
    try:
        VERBS[verb](campaign, pages.actor(request), clock.now())
    except Problem:
        toasts.say(request, _("That is not possible now: it is in another state meanwhile."), tone="warn")
    else:
        words = {
            "pause": _("Paused. %(people)d people wait where they are, %(messages)d messages are held."),
            "resume": _("It goes on. %(people)d people and %(messages)d messages are on their way again."),
            "finish": _("Nobody new comes in. %(people)d people go on to their end."),
            "stop": _("Stopped. %(people)d people leave, %(messages)d messages were called back."),
        }
        toasts.say(request, words[verb] % {"people": known.people, "messages": known.messages})
    return pages.go(request, "campaigns:goal", campaign.pk)


@pages.page("campaigns.read")
def sweep(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How far the background has come with what a verb means for many runs."""
    campaign = frame.campaign_of(campaign_id)
    if not campaign.sweep:
        return render(request, "campaigns/review/_swept.html", {"campaign": campaign})
    with connection.cursor() as cursor:
        cursor.execute(SWEPT, {"campaign": campaign.pk, "cursor": campaign.sweep_cursor})
        left, everybody = cursor.fetchone()
    return render(
        request,
        "campaigns/review/_sweep.html",
        {"campaign": campaign, "left": left, "all": everybody, "done": everybody - left},
    )
