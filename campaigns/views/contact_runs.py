"""The campaigns a contact is in, and what comes next for them: a part of the page of the contact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from campaigns import palette, timeline_words
from campaigns.models import Enrolment, PendingEntry
from channels.models import Message
from crm import pages

MOST: Final = 20


@dataclass(frozen=True)
class Next:
    """One journey: where the person stands in it, and when it goes on. `state`: as of a run, or "pending"."""

    campaign: str
    url: str
    state: str
    step: str
    at: datetime | None
    channel: str = ""
    version: int | None = None
    entered_at: datetime | None = None
    held_out: bool = False


@pages.page("campaigns.read")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    """A fragment. A fixed number of queries."""
    found = sorted([*_runs(contact_id), *_pending(contact_id)], key=_when)
    return render(request, "campaigns/contact/runs.html", {"found": found})


def _when(each: Next) -> tuple[bool, float]:
    return each.at is None, each.at.timestamp() if each.at else 0.0


def _runs(contact_id: int) -> list[Next]:
    runs = list(
        Enrolment.objects.filter(contact=contact_id)
        .exclude(state=Enrolment.State.DONE)
        .select_related("campaign", "version")
        .order_by("pk")[:MOST]
    )
    messages = Message.objects.only("channel", "due_at").in_bulk([run.message_id for run in runs if run.message_id])
    steps = {run.version_id: palette.names(run.version.document) for run in runs}
    return [_next(run, messages.get(run.message_id or 0), steps[run.version_id].get(run.step, "")) for run in runs]


def _next(run: Enrolment, message: Message | None, step: str) -> Next:
    return Next(
        run.campaign.name,
        timeline_words.address(run.campaign_id),
        run.state,
        step,
        message.due_at if message else run.due_at,
        message.channel if message else "",
        run.version.number,
        run.entered_at,
        run.held_out,
    )


def _pending(contact_id: int) -> list[Next]:
    """Journeys that begin when it has been quiet for long enough."""
    rows = PendingEntry.objects.filter(contact=contact_id).select_related("campaign").order_by("due_at")[:MOST]
    return [Next(row.campaign.name, timeline_words.address(row.campaign_id), "pending", "", row.due_at) for row in rows]
