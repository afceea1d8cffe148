"""The sandbox's inbox: messages that left nowhere, read as the customer would have read them."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from channels.kinds import sms
from channels.models import SandboxMessage
from channels.views import wording
from crm import pages

A_PAGE: Final = 50
# The message's own page: nothing runs, nothing is fetched but pictures, only we may frame it.
POLICY: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src 'self' https: data:; font-src https: data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)


@pages.page("messages.read")
def inbox(request: HttpRequest) -> HttpResponse:
    """Newest first; by channel and by person (address or number)."""
    channel, who = request.GET.get("channel", ""), request.GET.get("who", "").strip()[:320]
    page = Paginator(_chosen(channel, who), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "channels/sandbox.html", {
        "page": page, "channel": channel, "who": who,
        "channels": [(name, wording.CHANNELS[name]) for name in ("email", "sms")],
        "none_at_all": not page.object_list and not channel and not who,
    })  # fmt: skip


@pages.page("messages.read")
def message(request: HttpRequest, number: int) -> HttpResponse:
    """One message: an e-mail in a mail client, an SMS on a phone."""
    found = get_object_or_404(SandboxMessage.objects.select_related("message"), pk=number)
    context: dict[str, Any] = {"found": found, "headers": _headers(found), "channel": wording.CHANNELS[found.channel]}
    if found.channel == "sms":
        context["size"] = sms.measure(found.text)
    return render(request, "channels/sandbox_message.html", context)


@pages.page("messages.read")
@xframe_options_sameorigin
def html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML alone, from its own address with its own headers, for a frame without scripts."""
    found = get_object_or_404(SandboxMessage.objects.exclude(html=""), pk=number)
    response = HttpResponse(found.html)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _chosen(channel: str, who: str) -> QuerySet[SandboxMessage]:
    rows = SandboxMessage.objects.order_by("-id").defer("html", "headers")
    if channel in wording.CHANNELS:
        rows = rows.filter(channel=channel)
    if who:
        rows = rows.filter(recipient__icontains=who)
    return rows


def _headers(found: SandboxMessage) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in found.headers.items()]
