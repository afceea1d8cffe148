"""Goal and audience of a campaign, with what the form means for people beside it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import drafts, edits, frame, lifecycle, overlap, prospects, remedies, terms, wording
from campaigns.forms import saving, settings
from campaigns.forms.goal import EVENTS, GoalForm
from campaigns.models import Campaign
from campaigns.reading import Notes
from crm import clock, pages, publicids, sending, toasts, topics
from crm.errors import Problem
from crm.models import Segment
from crm.segments import parse, workbench

NEXT = {"journey": "campaigns:journey", "review": "campaigns:review", "rule": "campaigns:audience-rule"}


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    return _show(request, campaign, _form(campaign))


@pages.page("campaigns.write", "GET", "POST")
def save(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Keep what was filled in as one edit of the draft; a draft may lack things, but holds nothing wrong."""
    if request.method != "POST":
        return redirect("campaigns:goal", campaign_id)
    campaign = frame.campaign_of(campaign_id)
    return _keep(request, campaign) if pages.is_fragment(request) else _save(request, campaign)


def _form(campaign: Campaign, data: Any = None) -> GoalForm:
    segments = [
        (publicids.encode("seg", number), name)
        for number, name in Segment.objects.filter(archived_at=None).order_by("name", "pk").values_list("pk", "name")
    ]
    return GoalForm(data, base=campaign.document, segments=segments, groups=sending.current().groups, topics=_topics())


def _topics() -> dict[str, str]:
    return {topic.key: topics.name(topic) for topic in topics.every()}


def _keep(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What was touched, a moment after; 422: some of it waits at its field; 409: somebody was faster."""
    with transaction.atomic():
        held = lifecycle.hold(campaign)
        if not _is_mine(request, held):
            told = {**_stale(held), "seen": saving.seen(held.document)}
            return render(request, "campaigns/goal/_stale.html", told, status=409)
        form = _form(held, request.POST)
        form.is_valid()
        kept = saving.settle(form, set(request.POST.getlist("touched")) & set(form.fields), _wrong)
        key, actor, now = request.POST.get("key", "")[:64], pages.actor(request), clock.now()
        for each in saving.edits(held.document, kept.document):
            command = {**each, "key": f"{key}:{each['path']}"} if key else each
            held = drafts.apply(held, command, revision=None, actor=actor, now=now)
    return _answer(held, form, kept)


def _is_mine(request: HttpRequest, held: Campaign) -> bool:
    """Whether the settings are as this editor saw them, or left them by an edit whose answer was lost."""
    if request.POST.get("seen", "") == saving.seen(held.document):
        return True
    last = edits.last_done(held)
    keys = [key for key in request.POST.getlist("unanswered") if key]
    key = str(last.command.get("key", "")).partition(":")[0] if last and last.actor == pages.actor(request) else ""
    return key in keys


def _answer(held: Campaign, form: GoalForm, kept: saving.Settled) -> JsonResponse:
    reasons = [
        f"{form.fields[name].label}: {' '.join(words)}" if name in form.fields else " ".join(words)
        for name, words in kept.errors.items()
    ]
    return JsonResponse(
        {
            "seen": saving.seen(held.document),
            "name": held.name,
            "errors": kept.errors,
            "left": sorted(kept.left),
            "told": _("Not saved: %(reason)s") % {"reason": reasons[0]} if reasons else "",
        },
        status=422 if reasons else 200,
    )


def _save(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The whole form, by its button: all of it or nothing."""
    form = _form(campaign, request.POST)
    if not form.is_valid():
        return _show(request, campaign, form, code=422)
    document = form.document()
    for name, words in _wrong(document):
        form.add_error(name or None, words)
    if form.errors:
        return _show(request, campaign, form, code=422)
    try:
        if not _is_mine(request, campaign):
            raise Problem("/seen", "stale", "Somebody else has changed these settings.")
        drafts.replace(campaign, document, revision=campaign.revision, actor=pages.actor(request), now=clock.now())
    except Problem:
        return _show(request, campaign, form, code=409, stale=_stale(campaign))
    toasts.say(request, _("Saved."))
    return pages.go(request, NEXT.get(request.POST.get("next", ""), "campaigns:goal"), campaign.pk)


def _wrong(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Mistakes that only the reader of documents knows, by the fields they are mended in ("" for none)."""
    notes = Notes(rule_check=parse.problems)
    terms.read(terms.reader_of(document, notes))
    found = []
    for problem in settings.malformed(notes.problems):
        name = settings.field_of(problem.pointer)
        words = f"{remedies.title(problem)}. {remedies.detail(problem)}".strip()
        found.append((name if name in GoalForm.base_fields or name.startswith("where_") else "", words))
    return found


def _stale(campaign: Campaign) -> dict[str, Any]:
    return {**frame.last_change(campaign), "url": reverse("campaigns:goal", args=[campaign.pk])}


def _show(
    request: HttpRequest, campaign: Campaign, form: GoalForm, *, code: int = 200, stale: dict[str, Any] | None = None
) -> HttpResponse:
    entries = campaign.document.get("entry")
    own = form.initial["who_segment"] == settings.OWN
    context = {
        **frame.around(request, campaign, "goal", clock.now()),
        "form": form,
        "stale": stale,
        "more_entries": max(0, len(entries) - 1) if isinstance(entries, list) else 0,
        "events": EVENTS,
        "limit": sending.current().messages,
        "seen": saving.seen(campaign.document),
        "audience_rule": workbench.words(campaign.document.get("eligibility")) if own else "",
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
