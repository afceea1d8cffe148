"""`/u/<token>`: the way out of a message. GET shows it, POST acts (RFC 8058: also without a page)."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels import intake, leaving, tracking
from channels.types import DeliveryEvent
from channels.views import reader, wording
from crm import clock, consent, workspace
from crm.consent import Statement


# The token is the permission; there is no cookie to ride on, so no CSRF token either.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Choices on GET; on POST the choice is obeyed before the answer is written."""
    person, _ = reader.find("unsubscribe", token)
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    done = ""
    if request.method == "POST":
        done = request.POST.get("scope", "this")
        done = done if done in leaving.SCOPES else "this"
        _obey(person, done, request, one_click=one_click)
    if one_click:
        return HttpResponse("OK\n", content_type="text/plain")
    with reader.speaking(person):
        return render(request, "channels/leave.html", {
            "person": person,
            "purpose": wording.PURPOSES[person.purpose][0],
            "channel": wording.CHANNELS[person.channel],
            "done": done,
            "workspace_name": workspace.current().name,
            "preferences": reverse("channels:preferences", args=[tracking.token("preferences", person.message_id)]),
        })  # fmt: skip


def _obey(person: reader.Reader, scope: str, request: HttpRequest, *, one_click: bool) -> None:
    now = clock.now()
    method = "one_click" if one_click else "pref_centre"
    if not person.known:
        _obey_a_stranger(person, method, now)
        return
    event = DeliveryEvent(
        kind="unsubscribed",
        at=now,
        # A button pressed again (the mailbox repeats, the person doubts) is told once a minute, obeyed always.
        event_id=f"leave:{scope}:{int(now.timestamp()) // 60}",
        message_id=person.message_id,
        detail={
            "scope": scope,
            "method": method,
            "user_agent": request.headers.get("User-Agent", "")[:200],
        },
    )
    intake.receive([event], now)


def _obey_a_stranger(person: reader.Reader, method: str, now: datetime) -> None:
    """They were erased: there is nothing to stop, unless they came back and their address is in use again."""
    holder = reader.holder(person)
    if holder is not None:
        consent.record(
            [Statement(holder, person.purpose, person.channel, "withdrawn", basis="", address_id=person.address_id,
                       method=method, source="an earlier message", occurred_at=now)], now=now,
        )  # fmt: skip
