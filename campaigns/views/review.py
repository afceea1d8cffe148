"""Everything at once before a campaign is published: checks, changes, people inside, the next seven days."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from campaigns import duties, frame, lifecycle, overlap, prospects, readiness, wording
from campaigns.forms import settings
from campaigns.models import Campaign, Enrolment, Version
from campaigns.readiness import Finding
from campaigns.views import changes
from crm import access, clock, pages, publicids, sending, toasts, workspace
from crm.errors import Problem, Problems
from crm.models import Membership, User

# Which tab of a step's panel mends what stands at the end of a pointer.
TABS = {"send_expiry": "timing", "when": "who", "at": "timing", "window": "timing", "value": "timing", "unit": "timing"}
SETTINGS = {"account": ("channels:accounts", "crm:settings"), "workspace": ("crm:workspace", "crm:settings")}


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _show(request, frame.campaign_of(campaign_id))


def _show(
    request: HttpRequest, campaign: Campaign, found: list[Finding] | None = None, *, code: int = 200
) -> HttpResponse:
    now = clock.now()
    found = readiness.of(campaign, now) if found is None else found
    version = campaign.version
    blocked = any(each.blocking for each in found)
    unchanged = version is not None and version.document == campaign.document
    context = {
        **frame.around(request, campaign, "review", now),
        "gate": pages.may(request, "campaigns.publish") and not (blocked or unchanged or campaign.ended_at),
        "blocking": [_shown(campaign, each) for each in found if each.blocking],
        "advice": [_shown(campaign, each) for each in found if not each.blocking],
        "changes": changes.listed(version.document if version else None, campaign.document),
        "inside": _inside(campaign),
        "next_number": (version.number if version else _last(campaign)) + 1,
        "may_publish": pages.may(request, "campaigns.publish"),
        "publishers": [] if pages.may(request, "campaigns.publish") else publishers(),
        "unchanged": unchanged,
        "over": campaign.ended_at is not None,
        "house": workspace.current(),
        "limit": sending.current().messages,
    }
    return render(request, "campaigns/review/page.html", context, status=code)


@pages.page("campaigns.read")
def outlook(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What takes counting: who would come, what that costs, who else writes to them."""
    campaign = frame.campaign_of(campaign_id)
    found, more = _people(campaign)
    context = {
        "campaign": campaign,
        "findings": [_shown(campaign, each) for each in found],
        "blocked": any(each.blocking for each in found),
        "gated": request.GET.get("gate") == "1",
        **more,
    }
    return render(request, "campaigns/review/_outlook.html", context)


def _people(campaign: Campaign) -> tuple[list[Finding], dict[str, Any]]:
    now, document = clock.now(), campaign.document
    said = prospects.read(document)
    channels = sorted({each.channel for each in wording.sendings(document)})
    seen = prospects.of(campaign.pk, said, channels, now)
    shared = overlap.of(campaign.pk, said, now, prospects.counted(said, seen))
    coming = prospects.outlook(campaign.pk, document, now, seen)
    found = readiness.of_audience(document, seen, shared, coming, now) + duties.findings(document, now)
    return found, {"coming": coming, "seen": seen, "overlaps": shared, "budget": said.budget}


@pages.page("campaigns.publish", "POST")
def publish(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Freeze the draft; what is blocking refuses it, with all of it on the page."""
    campaign = frame.campaign_of(campaign_id)
    seen = request.POST.get("revision", "")
    if publicids.number(seen) not in (None, campaign.revision):
        toasts.say(request, _("Somebody has changed it meanwhile; look through it again."), tone="warn")
        return _show(request, campaign, code=409)
    found = readiness.of(campaign, clock.now()) + _people(campaign)[0]
    if readiness.blocking(found):
        return _show(request, campaign, found, code=422)
    try:
        version = lifecycle.publish(campaign, pages.actor(request), clock.now())
    except (Problems, Problem) as refused:
        toasts.say(request, str(refused), tone="bad")
        return _show(request, campaign, code=422)
    undo = reverse("campaigns:unpublish", args=[campaign.pk, version.number])
    words = _("Version %(number)s is live. You can take it back while nobody has come in.")
    toasts.say(request, words % {"number": version.number}, undo=undo)
    return pages.go(request, "campaigns:review", campaign.pk)


@pages.page("campaigns.publish", "POST")
def unpublish(request: HttpRequest, campaign_id: int, number: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    try:
        lifecycle.unpublish(campaign, number, pages.actor(request), clock.now())
    except Problem as refused:
        words = {
            "people_inside": _("People have come in already, so it cannot be taken back. You can pause it."),
            "not_newest": _("It was changed meanwhile and cannot be taken back."),
        }
        toasts.say(request, words.get(refused.code, refused.detail), tone="warn")
    else:
        back = campaign.version
        words_ = _("Version %(number)s counts again.") % {"number": back.number} if back else _("It is a draft again.")
        toasts.say(request, words_)
    return pages.go(request, "campaigns:review", campaign.pk)


def _shown(campaign: Campaign, finding: Finding) -> dict[str, Any]:
    return {"finding": finding, "fix": fix(campaign, finding)}


def fix(campaign: Campaign, finding: Finding) -> str:
    """Where it is mended: the step's panel, the field of the goal page, or the settings."""
    if finding.where:
        return _settings(finding.where)
    if finding.step:
        tab = TABS.get(finding.place.rsplit("/", 1)[-1], "message" if "/config/" in finding.place else "")
        query = f"?step={finding.step}" + (f"&tab={tab}" if tab else "")
        return reverse("campaigns:journey", args=[campaign.pk]) + query
    field = settings.field_of(finding.place)
    if field:
        return f"{reverse('campaigns:goal', args=[campaign.pk])}#id_{field}"
    return reverse("campaigns:journey", args=[campaign.pk])


def _settings(where: str) -> str:
    for route in SETTINGS[where]:
        try:
            return reverse(route)
        except NoReverseMatch:
            continue
    return ""


def _inside(campaign: Campaign) -> int:
    if campaign.version_id is None:
        return 0
    return Enrolment.objects.filter(campaign=campaign).exclude(state="done").count()


def _last(campaign: Campaign) -> int:
    last = Version.objects.filter(campaign=campaign).order_by("-number").values_list("number", flat=True).first()
    return last or 0


def publishers() -> list[User]:
    """Some people who may publish, for those who may not."""
    roles = [role for role, held in access.ROLES.items() if "campaigns.publish" in held]
    members = Membership.objects.filter(role__in=roles).values("user_id")
    return list(User.objects.filter(is_active=True, pk__in=members).order_by("name", "pk")[:3])
