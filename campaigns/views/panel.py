"""The panel of a step: its settings as a form that saves itself, its timing, who can receive it, its results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import (
    commands,
    counted,
    drafts,
    edits,
    figures,
    frame,
    one_step,
    palette,
    prospects,
    reachable,
    step_results,
)
from campaigns import timing as times
from campaigns.forms import steps as forms
from campaigns.models import Campaign, Version
from campaigns.one_step import OneStep
from campaigns.palette import doors
from campaigns.steps.contact_update import OWN
from channels import trials
from crm import clock, pages, publicids, statements, telling, words, workspace
from crm.errors import Problem, Problems
from crm.models import Segment, User
from crm.segments import pickers, sentence
from crm.segments.describe import Offers

TABS: Final = ("message", "timing", "who", "results")
PERIODS: Final = {"30": 30, "7": 7, "all": None}
ENTRY: Final = "entry"
MOST_SEGMENTS: Final = 300


@pages.page("campaigns.read")
def panel(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """One tab of the panel. A page of its own it is not: who comes here directly is led to the builder."""
    tab = _tab(request.GET.get("tab", ""))
    if not pages.is_fragment(request):
        query = urlencode({"step": step, "tab": tab})
        return redirect(f"{reverse('campaigns:journey', args=[campaign_id])}?{query}")
    campaign = frame.campaign_of(campaign_id)
    if step == ENTRY:
        return render(request, "campaigns/panel/entry.html", _entry(campaign))
    one = _step(campaign, step)
    context = _context(request, campaign, one, tab)
    tell = {"message": _settings, "timing": _timing, "who": _who, "results": _results}[tab]
    return render(request, "campaigns/panel/panel.html", context | tell(request, campaign, one))


@pages.page("campaigns.write", "POST")
def save(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """Keep what was typed. 409: somebody else changed this step; 422: it makes no sense, and nothing is kept."""
    campaign = frame.campaign_of(campaign_id)
    one = _step(campaign, step)
    if not _is_mine(request, campaign, one):
        return _stale(request, campaign, one)
    typed = forms.Typed(request.POST.dict(), {"weekdays": request.POST.getlist("weekdays")})
    made = _made(request, one, typed)
    asked = one_step.edits(one.step, made)
    try:
        refused = _keep(request, campaign, one, asked, typed)
    except (Problem, Problems) as error:
        found = error.problems if isinstance(error, Problems) else [error]
        if any(each.code == "stale" for each in found):
            return _stale(request, campaign, one)
        refused = {"": [each.detail for each in found]}
    if typed.wrong or refused:
        return _form(request, campaign, one, _wrong(made, typed, refused), 422)
    campaign = frame.campaign_of(campaign_id)
    response = _form(request, campaign, _step(campaign, step), None, 200)
    if asked:
        response.headers["HX-Trigger"] = json.dumps({"draft-changed": {"revision": campaign.revision}})
    return response


@pages.page("campaigns.read")
def can_receive(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """The bar: how many of the people next in line would get this message."""
    campaign = frame.campaign_of(campaign_id)
    outlook = reachable.of(campaign, step, clock.now())
    if outlook is None:
        raise Http404
    return render(
        request, "campaigns/panel/_can_receive.html",
        {"campaign": campaign, "step": step, "outlook": outlook, "most": reachable.MOST, "drawn": _drawn(outlook)},
    )  # fmt: skip


# --- the tabs ------------------------------------------------------------------------------------


def _context(request: HttpRequest, campaign: Campaign, one: OneStep, tab: str) -> dict[str, Any]:
    user = request.user
    own = trials.own_address(user, one.channel) if one.sends and isinstance(user, User) else ""
    return {
        "campaign": campaign, "one": one, "tab": tab, "can": pages.may(request, "campaigns.write"), "own_address": own,
        "tabs": [("message", _("Message") if one.sends else _("Settings")), ("timing", _("Timing")), ("who", _("Who")),
                 ("results", _("Results"))],
    }  # fmt: skip


def _settings(request: HttpRequest, campaign: Campaign, one: OneStep) -> dict[str, Any]:
    return _fields(campaign, one)


def _timing(request: HttpRequest, campaign: Campaign, one: OneStep) -> dict[str, Any]:
    settings = prospects.read(campaign.document)
    return {"lines": times.lines(one.step, settings, clock.now())}


def _who(request: HttpRequest, campaign: Campaign, one: OneStep) -> dict[str, Any]:
    settings = prospects.read(campaign.document)
    rules = [settings.eligibility] if settings.eligibility is not None else []
    exits = [rule.watch.event for rule in settings.exits if rule.watch and rule.watch.event]
    return {
        "settings": settings, "exits": exits, "eligibility": sentence.say_many(rules)[0] if rules else "",
        "purpose": statements.PURPOSES.get(settings.purpose, settings.purpose),
        "classes": dict(zip(words.MESSAGE_CLASSES, (_("Marketing"), _("Service"), _("Transactional")), strict=True)),
        "other": reachable.other_way(one.step),
        "left_segments": _segment_names([rule.segment for rule in settings.exits if rule.segment]),
    }  # fmt: skip


def _results(request: HttpRequest, campaign: Campaign, one: OneStep) -> dict[str, Any]:
    if campaign.version is None:
        return {"results": None}
    span, period, number = _span(request, campaign)
    behind = {"step": one.step["id"]}
    if span.since:
        behind["since"] = span.since.isoformat()
    if span.version:
        behind["version"] = str(span.version)
    return {
        "results": step_results.of(campaign, one.step, span), "period": period, "number": number,
        "behind": urlencode(behind), "what": counted.WHAT, "ports": _ports(one),
        "versions": [
            each.number for each in Version.objects.filter(campaign=campaign).only("number").order_by("-number")[:50]
        ],
        "periods": [("30", _("Last 30 days")), ("7", _("Last 7 days")), ("all", _("Since the beginning"))],
    }  # fmt: skip


def _span(request: HttpRequest, campaign: Campaign) -> tuple[figures.Span, str, str]:
    period = request.GET.get("period", "30")
    period = period if period in PERIODS else "30"
    days = PERIODS[period]
    number = request.GET.get("version", "")
    version = Version.objects.filter(campaign=campaign, number=int(number)).first() if number.isdecimal() else None
    since = clock.now() - timedelta(days=days) if days else None
    return figures.Span(since, version.pk if version else None), period, number if version else ""


def _ports(one: OneStep) -> dict[str, str]:
    """What each way out is called."""
    named = {str(port): str(words_) for port, words_ in one.tile.ports.items()} if one.tile else {}
    for lane in commands.lanes_of(one.step):
        label = str(lane.get("label", ""))
        named.setdefault(str(lane.get("id") or label), named.get(label, label))
        named.setdefault(label, label)
    return {"next": _("Goes on"), **named}


def _entry(campaign: Campaign) -> dict[str, Any]:
    named = doors.segments(campaign.document)
    title, detail, icon = doors.tell(campaign.document, _segment_names(named))
    return {"campaign": campaign, "title": title, "detail": detail, "icon_name": icon,
            "settings": prospects.read(campaign.document)}  # fmt: skip


def _segment_names(named: Sequence[str]) -> dict[str, str]:
    numbers: dict[str, int] = {}
    for text in named:
        try:
            numbers[text] = int(text) if text.isdecimal() else publicids.decode("seg", text)
        except (Problem, ValueError):
            continue
    known = dict(Segment.objects.filter(pk__in=numbers.values()).values_list("pk", "name")) if numbers else {}
    return {text: known[number] for text, number in numbers.items() if number in known}


# --- the form ------------------------------------------------------------------------------------


def _form(
    request: HttpRequest, campaign: Campaign, one: OneStep, errors: Mapping[str, list[str]] | None, status: int
) -> HttpResponse:
    """The form again: with what is wrong at each field, or as it was saved with what is still missing."""
    context = _context(request, campaign, one, "message") | _fields(campaign, one) | {"status": status}
    if errors is not None:
        context["errors"] = errors
    return render(request, "campaigns/panel/_form.html", context, status=status)


def _wrong(made: dict[str, Any], typed: forms.Typed, refused: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Name of the field → what is wrong with what was typed there."""
    wrong = forms.placed(forms.show(made, forms.Room()), refused)
    for name, said in typed.wrong:
        wrong.setdefault(name, []).append(said)
    return wrong


def _fields(campaign: Campaign, one: OneStep) -> dict[str, Any]:
    room = _room(campaign, one)
    parts = forms.show(one.step, room)
    missing = one_step.said(drafts.problems(campaign)[0], campaign.document, one)
    return {
        "parts": parts, "errors": forms.placed(parts, missing),
        "offers": {"events": room.events, "fields": room.fields},
        "note": str(one.step.get("note") or ""), "label": str(one.step.get("label") or ""),
    }  # fmt: skip


def _room(campaign: Campaign, one: OneStep) -> forms.Room:
    """Only what this kind of step asks for is read."""
    room = forms.Room(say=sentence.say_many, keyed=bool(prospects.read(campaign.document).key_path))
    offers = Offers()
    if one.kind == "split.rule":
        rows = Segment.objects.filter(archived_at=None).order_by("name", "pk").values_list("pk", "name")[:MOST_SEGMENTS]
        room.segments = [(publicids.encode("seg", number), name) for number, name in rows]
    if one.kind in ("split.rule", "wait.event"):
        room.events = pickers.known("events", offers)
    if one.kind in ("split.rule", "contact.update"):
        room.fields = [*sorted(OWN), *(f"fields.{name}" for name in pickers.known("fields", offers))]
    if one.kind == "goto":
        room.steps = list(palette.names(campaign.document).items())
    if one.kind == "contact.stage":
        room.stages = _stages()
    return room


def _stages() -> list[tuple[str, str]]:
    """The stages of the workspace, or those that everybody has."""
    written = workspace.current().stages
    named = [each.get("name") for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    own = [name for name in named if isinstance(name, str)]
    return [(name, telling.stage(name)) for name in own or words.STAGES]


# --- saving --------------------------------------------------------------------------------------


def _is_mine(request: HttpRequest, campaign: Campaign, one: OneStep) -> bool:
    """Whether the step is as its editor has seen it, or as the same editor left it in an edit whose answer
    was lost. What others did elsewhere in the journey is no conflict."""
    if request.POST.get("seen", "") == one.seen:
        return True
    last = edits.last_done(campaign)
    keys = [key for key in request.POST.getlist("unanswered") if key]
    return last is not None and last.actor == pages.actor(request) and last.command.get("key") in keys


def _made(request: HttpRequest, one: OneStep, typed: forms.Typed) -> dict[str, Any]:
    """The step as it was typed, its name and note included."""
    made = forms.read(one.step, typed, forms.Room(), request.POST.getlist("deed"))
    if typed.has("label"):
        made["label"] = typed.text("label")[:80]
    if typed.has("note"):
        made["note"] = typed.words("note").strip()[:500]
    return made


def _keep(
    request: HttpRequest, campaign: Campaign, one: OneStep, asked: Sequence[Mapping[str, Any]], typed: forms.Typed
) -> dict[str, list[str]]:
    """Carry the edits out, unless they make no sense; answers what does not, by place."""
    after = _tried(campaign, asked)
    refused = one_step.refused(campaign.document, after, one)
    if not refused and not typed.wrong:
        _apply(request, campaign, asked)
    return one_step.said(refused, after, one)


def _tried(campaign: Campaign, asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = campaign.document
    for command in asked:
        document = commands.carry_out(document, command)
    return document


def _apply(request: HttpRequest, campaign: Campaign, asked: Sequence[Mapping[str, Any]]) -> Campaign:
    """All the commands or none. The last one carries the sender's key."""
    key = request.POST.get("key", "")[:64]
    with transaction.atomic():
        for place, command in enumerate(asked, 1):
            sent = {**command, "key": key} if key and place == len(asked) else command
            campaign = drafts.apply(
                campaign, sent, revision=campaign.revision, actor=pages.actor(request), now=clock.now()
            )
    return campaign


def _stale(request: HttpRequest, campaign: Campaign, one: OneStep) -> HttpResponse:
    url = f"{reverse('campaigns:journey', args=[campaign.pk])}?{urlencode({'step': one.step['id']})}"
    return render(request, "ui/stale.html", {**frame.last_change(campaign), "url": url}, status=409)


# --- inner ---------------------------------------------------------------------------------------


def _step(campaign: Campaign, step: str) -> OneStep:
    one = one_step.find(campaign, step)
    if one is None:
        raise Http404
    return one


def _tab(asked: str) -> str:
    return asked if asked in TABS else "message"


TONES: Final = {"now": "ok", "later": "warn", "via": "info", "not": "bad", "apart": "exp"}


def _drawn(outlook: reachable.Outlook) -> list[dict[str, Any]]:
    """The stretches of the bar, 0 to 100, and the rows beneath."""
    begins, found = 0.0, []
    zone = workspace.current().zone
    for bucket in outlook.buckets:
        wide = 100 * bucket.count / outlook.total
        times_ = [times.clock_words(at, zone) for at in (bucket.first, bucket.last) if at]
        found.append({
            "bucket": bucket, "tone": TONES[bucket.kind], "x": f"{begins:.2f}", "wide": f"{max(wide - 0.6, 0.6):.2f}",
            "first": times_[0] if times_ else "", "last": times_[-1] if len(set(times_)) > 1 else "",
        })  # fmt: skip
        begins += wide
    return found
