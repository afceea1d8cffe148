"""Goal and audience of a campaign, with what the form means for people beside it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import drafts, frame, overlap, prospects, remedies, terms, wording
from campaigns.forms import settings
from campaigns.forms.goal import EVENTS, GoalForm
from campaigns.models import Campaign, Edit
from campaigns.reading import Notes
from crm import clock, pages, publicids, toasts
from crm.errors import Problem
from crm.models import Segment
from crm.segments import parse

NEXT = {"journey": "campaigns:journey", "review": "campaigns:review"}


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    return _show(request, campaign, _form(campaign))


@pages.page("campaigns.write", "GET", "POST")
def save(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Keep what was filled in as one edit of the draft; a draft may lack things, but holds nothing wrong."""
    if request.method != "POST":
        return redirect("campaigns:goal", campaign_id)
    return _save(request, frame.campaign_of(campaign_id))


def _form(campaign: Campaign, data: Any = None) -> GoalForm:
    segments = [
        (publicids.encode("seg", number), name)
        for number, name in Segment.objects.filter(archived_at=None).order_by("name", "pk").values_list("pk", "name")
    ]
    return GoalForm(data, base=campaign.document, segments=segments)


def _save(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    form = _form(campaign, request.POST)
    if not form.is_valid():
        return _show(request, campaign, form, code=422)
    document = form.document()
    _tell(form, document)
    if form.errors:
        return _show(request, campaign, form, code=422)
    revision = request.POST.get("revision", "")
    try:
        drafts.replace(
            campaign, document, revision=publicids.number(revision),
            actor=pages.actor(request), now=clock.now(),
        )  # fmt: skip
    except Problem:
        return _show(request, campaign, form, code=409, stale=_stale(campaign))
    toasts.say(request, _("Saved."))
    return pages.go(request, NEXT.get(request.POST.get("next", ""), "campaigns:goal"), campaign.pk)


def _tell(form: GoalForm, document: dict[str, Any]) -> None:
    """Mistakes that only the reader of documents knows, at the fields they are mended in."""
    notes = Notes(rule_check=parse.problems)
    terms.read(terms.reader_of(document, notes))
    for problem in settings.malformed(notes.problems):
        field = settings.field_of(problem.pointer)
        words = f"{remedies.title(problem)}. {remedies.detail(problem)}".strip()
        form.add_error(field if field in form.fields else None, words)


def _stale(campaign: Campaign) -> dict[str, Any]:
    last = Edit.objects.filter(campaign=campaign, undone=False).order_by("-number").first()
    who = frame.names([last.actor])[last.actor] if last else _("Somebody")
    return {"who": who, "at": last.at if last else None, "url": reverse("campaigns:goal", args=[campaign.pk])}


def _show(
    request: HttpRequest, campaign: Campaign, form: GoalForm, *, code: int = 200, stale: dict[str, Any] | None = None
) -> HttpResponse:
    entries = campaign.document.get("entry")
    context = {
        **frame.around(request, campaign, "goal", clock.now()),
        "form": form,
        "stale": stale,
        "more_entries": max(0, len(entries) - 1) if isinstance(entries, list) else 0,
        "events": EVENTS,
        "revision": campaign.revision,
    }
    return render(request, "campaigns/goal/page.html", context, status=code)


@pages.page("campaigns.read", "POST")
def prospects_of(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The column beside the form, for what stands in the form at this moment; nothing is saved."""
    campaign = frame.campaign_of(campaign_id)
    form = _form(campaign, request.POST)
    form.is_valid()
    document, now = form.document(), clock.now()
    said = prospects.read(document)
    channels = sorted({each.channel for each in wording.sendings(document)})
    seen = prospects.of(campaign.pk, said, channels, now)
    shared = overlap.of(campaign.pk, said, now, prospects.counted(said, seen))
    context = {
        "campaign": campaign,
        "seen": seen,
        "reach": [(channel, number, _share(number, seen.people)) for channel, number in seen.reach.items()],
        "overlaps": shared,
        "running": overlap.running(campaign.pk),
        "said": said,
        "kinds": {entry.type for entry in said.entries},
        "complete": prospects.ways(said, now).base() is not None,
    }
    return render(request, "campaigns/goal/_prospects.html", context)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
