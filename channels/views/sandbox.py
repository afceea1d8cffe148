"""The sandbox's inbox: messages that left nowhere, read as the customer would have read them."""

from __future__ import annotations

from email.header import decode_header, make_header
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from channels import framing
from channels.kinds import sms
from channels.models import SandboxMessage
from channels.views import wording
from crm import pages, tables

THREAD: Final = 20


@pages.page("messages.read")
def inbox(request: HttpRequest) -> HttpResponse:
    """Newest first; by channel and by person (address or number)."""
    context = _listed(request)
    context["none_at_all"] = not (context["page"].rows or context["channel"] or context["who"])
    return render(request, "channels/sandbox.html", context)


@pages.page("messages.read")
def message(request: HttpRequest, number: int) -> HttpResponse:
    """One message beside the list: an e-mail in a mail client, an SMS on a phone, with those before it."""
    found = get_object_or_404(SandboxMessage.objects.select_related("message"), pk=number)
    context = _listed(request) | {
        "found": found,
        "headers": [(name, str(value)) for name, value in found.headers.items()],
        "sender": str(make_header(decode_header(found.headers.get("From", "")))),
        "narrow": request.GET.get("view") == "phone",
    }
    if found.channel == "sms":
        earlier = SandboxMessage.objects.filter(channel="sms", recipient=found.recipient, pk__lte=found.pk)
        context["thread"] = list(reversed(earlier.order_by("-pk")[:THREAD]))
        context["size"] = sms.measure(found.text)
    return render(request, "channels/sandbox.html", context)


@pages.page("messages.read")
def html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML alone, from its own address with its own headers, for a frame without scripts."""
    found = get_object_or_404(SandboxMessage.objects.exclude(html=""), pk=number)
    return framing.guard(HttpResponse(found.html))


def _listed(request: HttpRequest) -> dict[str, Any]:
    channel, who = request.GET.get("channel", ""), request.GET.get("who", "").strip()[:320]
    return {
        "page": tables.page(_chosen(channel, who), "-id", request.GET.get("cursor", "")),
        "channel": channel,
        "who": who,
        "channels": [(name, wording.CHANNELS[name]) for name in ("email", "sms")],
    }


def _chosen(channel: str, who: str) -> QuerySet[SandboxMessage]:
    rows = SandboxMessage.objects.defer("html", "headers")
    if channel in wording.CHANNELS:
        rows = rows.filter(channel=channel)
    if who:
        rows = rows.filter(recipient__icontains=who)
    return rows
