"""The people behind every number of a campaign: a list, a file, and a segment made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns import counted, frame
from campaigns.models import Campaign
from crm import clock, directory, lists, pages, publicids, tables, toasts
from crm.errors import Problem
from crm.models import Contact

MOST_IN_A_SEGMENT: Final = 100_000


@dataclass(frozen=True)
class Line:
    """Somebody in the list, by name and main address; `times`: how often they count in the number."""

    contact: int
    name: str
    address: str
    times: int


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponseBase:
    """`?number=`: see `campaigns.counted`; without one, who is inside now."""
    campaign = frame.campaign_of(campaign_id)
    asked = _asked(campaign, request)
    if request.GET.get("format") == "csv":
        return _file(campaign, asked)
    after = publicids.number(request.GET.get("after", "")) or 0
    found = counted.people(asked, after=after, limit=tables.A_PAGE + 1)
    context = {
        "asked": asked,
        "total": counted.count(asked),
        "lines": _lines(found[: tables.A_PAGE], full=pages.may(request, "contacts.write")),
        "next": found[tables.A_PAGE - 1][0] if len(found) > tables.A_PAGE else None,
        "numbers": counted.offered(campaign),
    }
    return render(
        request, "campaigns/people/page.html", frame.around(request, campaign, "people", clock.now()) | context
    )


@pages.page("segments.write", "POST")
def keep(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Make a fixed segment of exactly these people."""
    campaign = frame.campaign_of(campaign_id)
    asked = _asked(campaign, request)
    ids = [contact for contact, _n in counted.people(asked, after=0, limit=MOST_IN_A_SEGMENT + 1)]
    if not ids or len(ids) > MOST_IN_A_SEGMENT:
        words = _("There is nobody to keep.") if not ids else _("Too many people for a fixed segment; build a rule.")
        toasts.say(request, words, tone="warn")
        return pages.go(request, "campaigns:people", campaign.pk)
    name = f"{campaign.name}: {asked.words}"[:200]
    segment = lists.create(name, ids, actor=pages.actor(request), now=clock.now())
    toasts.say(request, _("These people are a segment now."))
    return pages.go(request, "crm:segment", segment.pk)


def _asked(campaign: Campaign, request: HttpRequest) -> counted.Asked:
    given: dict[str, Any] = (request.POST if request.method == "POST" else request.GET).dict()
    try:
        return counted.read(campaign, given)
    except Problem as problem:
        raise Http404(problem.detail) from problem


def _lines(found: list[tuple[int, int]], *, full: bool) -> list[Line]:
    """Two queries for a page. `full`: addresses as they are, not masked."""
    ids = [contact for contact, _n in found]
    people, known = Contact.objects.in_bulk(ids), directory.identifiers(ids, full=full)
    return [
        Line(
            contact,
            directory.name_of(people[contact], known.get(contact, {})),
            next(iter(known.get(contact, {}).values()), ""),
            times,
        )
        for contact, times in found
        if contact in people
    ]


def _file(campaign: Campaign, asked: counted.Asked) -> HttpResponseBase:
    found = counted.people(asked, after=0, limit=None)
    heads = [_("Contact"), _("Times")]
    rows = ((publicids.encode("ctc", contact), times) for contact, times in found)
    return tables.as_csv(f"people-{publicids.encode('cmp', campaign.pk)}", heads, rows, lambda row: row)
