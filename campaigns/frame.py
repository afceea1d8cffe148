"""What all pages of one campaign have around them: its name, how it stands, where one can go from here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from campaigns import status
from campaigns.models import Campaign, Edit
from crm import pages
from crm.models import User

# Steering verb -> the states it is offered in.
VERBS = {
    "pause": ("live",),
    "resume": ("paused",),
    "finish": ("live",),
    "stop": ("live", "paused", "finished"),
}


def campaign_of(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("version", "owner"), pk=campaign_id)


def around(request: HttpRequest, campaign: Campaign, here: str, now: datetime) -> dict[str, Any]:
    """The context of the head of a page; `here` is the tab it belongs to."""
    known = status.facts([campaign.pk], now)[campaign.pk]
    return {
        "campaign": campaign,
        "known": known,
        "status": status.of(campaign, known),
        "here": here,
        "verbs": verbs(request, campaign),
        "may_write": pages.may(request, "campaigns.write"),
    }


def verbs(request: HttpRequest, campaign: Campaign) -> list[str]:
    """What somebody may do with a campaign that runs."""
    if not pages.may(request, "campaigns.publish"):
        return []
    return [verb for verb, states in VERBS.items() if campaign.state in states]


def owner_id(request: HttpRequest) -> int | None:
    return request.user.pk if isinstance(request.user, User) else None


def last_change(campaign: Campaign) -> dict[str, Any]:
    """Who changed the draft last, or took a change back, and when: told to whoever was slower."""
    last = Edit.objects.filter(campaign=campaign).order_by("-revision").first()
    if last is None:
        return {"who": _("Somebody"), "at": None}
    name = names([last.actor])[last.actor]
    return {"who": name if name != last.actor else _("Somebody"), "at": last.at}


def names(actors: Iterable[str]) -> dict[str, str]:
    """`user:7` -> the person's name, `key:3` and others as they are. One query."""
    asked = set(actors)
    numbers = {actor: actor.removeprefix("user:") for actor in asked if actor.startswith("user:")}
    wanted = {actor: int(number) for actor, number in numbers.items() if number.isdecimal()}
    people = {user.pk: str(user) for user in User.objects.filter(pk__in=wanted.values())} if wanted else {}
    return {actor: people.get(wanted.get(actor, 0), actor) for actor in asked}
