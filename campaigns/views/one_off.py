"""One-off sends: a segment, a message, a moment; then how far it has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns import desk, drafts, frame, one_off, prospects, wording
from campaigns.forms.one_off import Begin, When
from campaigns.models import Campaign
from campaigns.one_off import Progress
from channels import remedies
from crm import clock, moments, pages, reasons, toasts, workspace
from crm.errors import Problem, Problems
from crm.models import Segment

# So long after its moment without anything moving, no worker is running.
SILENT: Final = timedelta(minutes=2)


@pages.page("campaigns.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    """To whom and on which channel; the message comes next."""
    form = Begin(request.POST or None, initial={"segment": request.GET.get("segment", "")})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        pct = said["holdout_pct"]
        campaign = one_off.start(
            said["name"], said["segment"].pk, said["channel"], said["purpose"], pct=pct,
            why="" if pct else said["why"].strip(), actor=pages.actor(request), owner_id=frame.owner_id(request),
            now=clock.now(),
        )  # fmt: skip
        return pages.go(request, "campaigns:message", campaign.pk, one_off.STEP)
    status = 422 if form.is_bound else 200
    return render(request, "campaigns/one_off/new.html", {"form": form}, status=status)


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Before: what goes to whom and when. Afterwards: how far it has come."""
    campaign = frame.campaign_of(campaign_id)
    if not one_off.is_one(campaign.document):  # it has grown into a campaign of its own
        return pages.go(request, "campaigns:goal", campaign.pk)
    if campaign.state != Campaign.State.DRAFT:
        return render(request, "campaigns/one_off/progress.html", _progress(request, campaign))
    return render(request, "campaigns/one_off/plan.html", _plan(request, campaign, When()))


@pages.page("campaigns.publish", "POST")
def schedule(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Off it goes: now, or when its moment comes."""
    campaign = _found(campaign_id)
    form = When(request.POST)
    if not form.is_valid():
        return render(request, "campaigns/one_off/plan.html", _plan(request, campaign, form), status=422)
    said = form.cleaned_data
    at = said["at"].replace(tzinfo=None) if said["when"] == "at" else None
    now = clock.now()
    if at and moments.at_local(at.date(), at.time(), workspace.current().zone) < now - timedelta(minutes=1):
        form.add_error("at", _("This moment has passed. Choose a later one, or send now."))
        return render(request, "campaigns/one_off/plan.html", _plan(request, campaign, form), status=422)
    try:
        one_off.schedule(campaign, at, said["zone"] or "workspace", actor=pages.actor(request), now=now)
    except Problems as error:
        for problem in error.problems[:5]:
            toasts.say(request, remedies.words(problem), tone="bad")
        campaign = _found(campaign_id)
        return render(request, "campaigns/one_off/plan.html", _plan(request, campaign, form), status=422)
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "campaigns:one-off-page", campaign.pk)
    toasts.say(request, _("It is on its way.") if at is None else _("It is scheduled."))
    return pages.go(request, "campaigns:one-off-page", campaign.pk)


@pages.page("campaigns.publish", "POST")
def cancel(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Call it off. What a carrier has been given cannot be called back."""
    campaign = _found(campaign_id)
    try:
        what = one_off.cancel(campaign, actor=pages.actor(request), now=clock.now())
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "campaigns:one-off-page", campaign.pk)
    if what == "draft":
        toasts.say(request, _("It is called off: nobody gets it. You can change it and schedule it again."))
    else:
        toasts.say(request, _("It is stopped: who has not got it does not get it."))
    return pages.go(request, "campaigns:one-off-page", campaign.pk)


@pages.page("campaigns.read")
def progress(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The part of the page that asks again by itself."""
    return render(request, "campaigns/one_off/_progress.html", _progress(request, _found(campaign_id)))


# --- inner ---------------------------------------------------------------------------------------


def _found(campaign_id: int) -> Campaign:
    campaign = frame.campaign_of(campaign_id)
    if not one_off.is_one(campaign.document):
        raise Http404
    return campaign


def _segment(campaign: Campaign) -> Segment | None:
    return Segment.objects.filter(pk=one_off.segment_of(campaign) or 0).first()


def _plan(request: HttpRequest, campaign: Campaign, form: When) -> dict[str, Any]:
    now = clock.now()
    sending = wording.sendings(campaign.document)[0]
    here = desk.lay(campaign, sending, 0, now)
    proof = here.proof()
    problems, _warnings = drafts.problems(campaign)
    found = prospects.of(campaign.pk, prospects.read(campaign.document), [sending.channel], now)
    parts = proof.size.parts if proof.size else 1
    reach = found.reach.get(sending.channel, 0)
    return {
        "campaign": campaign, "sending": sending, "proof": proof, "form": form, "segment": _segment(campaign),
        "people": found.people, "about": found.about, "reach": reach, "price": desk.price(sending.channel) * parts,
        "total": desk.price(sending.channel) * parts * reach, "problems": [remedies.words(each) for each in problems],
        "may_publish": pages.may(request, "campaigns.publish"), "space": workspace.current(), "now": now,
        "quiet": _is_quiet(now), "holdout": campaign.document.get("holdout_pct", 0),
    }  # fmt: skip


def _progress(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    now = clock.now()
    found = one_off.progress(campaign)
    first = next((each.due_at for each in found.moments if not each.done), None)
    ended = campaign.state in (Campaign.State.STOPPED, Campaign.State.FINISHED)
    waiting = first is not None and first > now
    return {
        "campaign": campaign, "progress": found, "segment": _segment(campaign), "ended": ended, "waiting": waiting,
        "sending": wording.sendings(campaign.document)[0], "first": first,
        "busy": not ended and (found.left > 0 or first is not None),
        "refused": sorted(((reasons.words(code), count, code) for code, count in found.refused.items()), key=_by_count),
        "silent": _is_silent(found, first, now), "may_publish": pages.may(request, "campaigns.publish"),
        "zone": campaign.document["entry"][0].get("zone", "workspace"),
        "local": datetime.fromisoformat(campaign.document["entry"][0]["at"]),
    }  # fmt: skip


def _by_count(row: tuple[str, int, str]) -> tuple[int, str]:
    return -row[1], row[0]


def _is_silent(found: Progress, first: datetime | None, now: datetime) -> bool:
    return bool(first and first < now - SILENT and not found.sent and not found.not_sent)


def _is_quiet(now: datetime) -> str:
    """Until when messages wait if it were sent now; "" when they do not."""
    space = workspace.current()
    until = moments.quiet_end(now, space.zone, _time(space.quiet_from), _time(space.quiet_until))
    return f"{until.astimezone(ZoneInfo(space.zone)):%H:%M}" if until else ""


def _time(value: Any) -> Any:
    return datetime.strptime(str(value)[:5], "%H:%M").time()  # noqa: DTZ007 - a time of day
