"""Test with a contact: the draft walked through by one person, shown and not done. A walk is an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns import desk, frame, rehearsal, timing, walk_words, wording
from campaigns.models import Campaign
from campaigns.wording import Sending
from channels import content, framing, stand_in
from channels.trials import NOBODY
from crm import clock, moments, pages, publicids, words, workspace
from crm.errors import Problem, Problems
from crm.models import Contact

LONGEST: Final = 8_000
MOST_DAYS: Final = 365
# Names of a query that a message of the walk needs too.
KEPT: Final = ("contact", "properties")


@dataclass(frozen=True)
class Looked:
    """A message that is only looked at, as templates ask for it."""

    recipient: str
    message_class: str
    id: int = NOBODY


@dataclass(frozen=True)
class Shown:
    """A message as this person would read it. `reason`: why it could not be written."""

    subject: str = ""
    html: str = ""
    text: str = ""
    wrong: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Asked:
    """What the form says; `trouble` where it makes no sense. `properties` as text."""

    person: stand_in.Person
    zone: str
    draw: str
    start: datetime
    begins: str
    event: str
    properties: str
    entry: Mapping[str, Any]
    choices: rehearsal.Choices
    trouble: str = ""


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The form, and with `?walk=1` the walk."""
    campaign = frame.campaign_of(campaign_id)
    now = clock.now()
    asked = _asked(request, campaign, now)
    context: dict[str, Any] = {
        **frame.around(request, campaign, "journey", now), "asked": asked, "person": asked.person,
        "contact": _public(asked), "events": desk.events(campaign.document),
    }  # fmt: skip
    if request.GET.get("walk") and not asked.trouble:
        context |= _walk(request, campaign, asked)
    return render(request, "campaigns/rehearsal/page.html", context)


@pages.page("campaigns.read")
def letter(request: HttpRequest, campaign_id: int, step: str) -> HttpResponse:
    """A mail of the walk at an address of its own, for a frame in which nothing runs."""
    campaign = frame.campaign_of(campaign_id)
    sending = wording.find(campaign.document, step)
    if sending is None:
        raise Http404
    asked = _asked(request, campaign, clock.now())
    shown = _shown(sending, _values(campaign, asked), asked, campaign)
    response = HttpResponse(shown.html) if shown.html else render(
        request, "campaigns/message/frame.html", {"proof": shown}
    )  # fmt: skip
    return framing.guard(response)


# --- the walk ------------------------------------------------------------------------------------


def _walk(request: HttpRequest, campaign: Campaign, asked: Asked) -> dict[str, Any]:
    document = campaign.document if isinstance(campaign.document, dict) else {}
    values = _values(campaign, asked)
    shown = {each.step: _shown(each, values, asked, campaign) for each in wording.sendings(document)}
    found = rehearsal.walk(
        document, rehearsal.Traveler(asked.person.contact_id, asked.zone, asked.draw), asked.entry, asked.choices,
        asked.start, salt=str(campaign.salt), campaign_id=campaign.pk,
        unwritten={step: each.reason for step, each in shown.items() if each.reason},
    )  # fmt: skip
    query = request.GET.copy()
    for name in list(query):
        if name not in KEPT:
            del query[name]
    return {
        "walk": found, "stops": walk_words.tell(found, document, asked.zone), "shown": shown,
        "end": walk_words.end(found, asked.zone), "begins": timing.clock_words(found.begins, asked.zone),
        "enters": timing.clock_words(found.enters, asked.zone), "waits": found.enters != found.begins,
        "missing": [walk_words.problem_words(each) for each in found.problems.get("", ())],
        "elsewhere": _elsewhere(found), "query": query.urlencode(),
    }  # fmt: skip


def _elsewhere(found: rehearsal.Walk) -> int:
    """How many steps off this way are not complete."""
    seen = {stop.step for stop in found.stops}
    return sum(1 for step in found.problems if step and step not in seen)


def _values(campaign: Campaign, asked: Asked) -> dict[str, Any]:
    """What templates read, once for all messages of the walk."""
    return stand_in.values(asked.person, campaign.pk, campaign.name, asked.start)


def _shown(sending: Sending, values: Mapping[str, Any], asked: Asked, campaign: Campaign) -> Shown:
    named = campaign.document.get("class")
    looked = Looked(asked.person.recipient, named if named in words.MESSAGE_CLASSES else words.MESSAGE_CLASSES[0])
    products = values.get("products") or []
    if sending.body.get("require_stock") is True and products and all(each["sold_out"] for each in products):
        return Shown(reason="out_of_stock")
    try:
        made = content.preview(sending.channel, sending.body, values, looked)
    except Problems as error:
        return Shown(wrong=error.problems[0].detail)
    except content.RenderError as error:
        return Shown(wrong=error.detail, reason="render_error")
    return Shown(*(str(made.get(name, "")) for name in ("subject", "html", "text")))


# --- what was asked for --------------------------------------------------------------------------


def _asked(request: HttpRequest, campaign: Campaign, now: datetime) -> Asked:
    events = desk.events(campaign.document)
    row = _contact(request)
    person = stand_in.choose(row.pk if row else 0, events, now)
    known = person.context.get("entry", {})
    if not known.get("properties"):
        known = stand_in.made_up(events[0] if events else "", now).context["entry"]
    event = request.GET.get("event", "") or str(known.get("event") or (events[0] if events else ""))
    text = request.GET.get("properties", "")[:LONGEST]
    properties, trouble = _properties(text, known.get("properties") or {})
    start, begins, wrong = _start(request.GET.get("start", ""), now)
    entry = {"event": event, "occurred_at": start.isoformat(), "properties": properties}
    return Asked(
        replace(person, context={**person.context, "entry": entry}),
        (row.zone if row else "") or workspace.current().zone, str(row.draw) if row else rehearsal.MADE_UP,
        start, begins, event, text or json.dumps(properties, indent=1, ensure_ascii=False), entry,
        _choices(request), trouble or wrong,
    )  # fmt: skip


def _contact(request: HttpRequest) -> Contact | None:
    text = request.GET.get("contact", "")
    if not text or not pages.may(request, "contacts.read"):
        return None
    try:
        number = publicids.decode("ctc", text)
    except Problem:
        return None
    living = Contact.objects.filter(merged_into=None, archived_at=None, restricted=False)
    return living.filter(pk=number).only("pk", "zone", "draw").first()


def _public(asked: Asked) -> str:
    return publicids.encode("ctc", asked.person.contact_id) if asked.person.contact_id else ""


def _properties(text: str, example: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    if not text.strip():
        return example, ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return example, _("What the event carries is no JSON object.")
    return found, ""


def _start(text: str, now: datetime) -> tuple[datetime, str, str]:
    """(the instant, as the field shows it, what is wrong with it), by the clock of the workspace."""
    zone = workspace.current().zone
    local = now.astimezone(moments.zone_of(zone))
    if not text:
        return now, f"{local:%Y-%m-%dT%H:%M}", ""
    try:
        wall = datetime.fromisoformat(text[:16])
    except ValueError:
        return now, f"{local:%Y-%m-%dT%H:%M}", _("The start is no date and time.")
    if not 1990 <= wall.year <= 2200:
        return now, text[:16], _("The start is no date and time.")
    return moments.at_local(wall.date(), wall.time(), zone), f"{wall:%Y-%m-%dT%H:%M}", ""


def _choices(request: HttpRequest) -> rehearsal.Choices:
    if not request.GET.get("walk"):
        return rehearsal.Choices()
    days = request.GET.get("buys", "")
    return rehearsal.Choices(
        opens=bool(request.GET.get("opens")), clicks=bool(request.GET.get("clicks")),
        buys_after=min(int(days), MOST_DAYS) if days.isdecimal() else None,
        holds=request.GET.get("holds", "1") != "0", treated=not request.GET.get("held_out"),
    )  # fmt: skip
