"""Event trace: one event, and everything that became of it."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns import trace_facts, trace_words
from crm import clock, errors, pages, publicids

NEWEST: Final = 25
LONGEST: Final = 200


@pages.page("operations.read")
def page(request: HttpRequest) -> HttpResponse:
    """Choose one: by its id, by the id the shop gave it, or of the newest."""
    asked = request.GET.get("event", "").strip()[:LONGEST].replace("\0", "")
    if asked:
        number = _number(asked)
        if number is not None:
            return pages.go(request, "campaigns:trace-event", number)
    wrong = _("No event has this id, and none was told with it as its event_id.") if asked else ""
    shown = {"asked": asked, "wrong": wrong, "newest": trace_facts.newest(NEWEST, clock.now())}
    return render(request, "campaigns/trace/choose.html", shown, status=422 if asked else 200)


@pages.page("operations.read")
def event(request: HttpRequest, event_id: int) -> HttpResponse:
    """The trace; while it is not worked on yet, its middle asks again by itself."""
    found = trace_words.trace(event_id, clock.now())
    if found is None:
        raise Http404
    template = "campaigns/trace/_story.html" if pages.is_fragment(request) else "campaigns/trace/event.html"
    return render(request, template, {"trace": found, "event": found.known.event})


def _number(text: str) -> int | None:
    try:
        return publicids.decode("evt", text)
    except errors.Problem:
        return trace_facts.find(text)
