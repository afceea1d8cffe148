"""What this floor shows on the page of a contact: their messages, their limit, their preference page."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from channels import counted, states, timeline_words, tracking
from channels.models import Message
from crm import clock, pages, tables
from crm.models import Contact


@pages.page("messages.read")
def messages(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Every message ever planned for them, newest first."""
    rows = Message.objects.filter(contact=contact_id).select_related("content").defer("slots", "context", "receipt")
    page = tables.page(rows, "-pk", request.GET.get("cursor", ""), 30)
    for message in page.rows:
        body = message.content.body if message.content else {}
        message.title = timeline_words.short(str(body.get("subject") or body.get("text") or ""))  # type: ignore[attr-defined]
        message.went = message.state in states.SENT  # type: ignore[attr-defined]
        message.waits = message.state in states.OPEN  # type: ignore[attr-defined]
    return render(request, "channels/contact/messages.html", {"page": page, "contact": _contact(contact_id)})


@pages.page("messages.read")
def limit(request: HttpRequest, contact_id: int) -> HttpResponse:
    """How many of the allowed offers they have had, and when the next may go."""
    contact = _contact(contact_id)
    return render(request, "channels/contact/limit.html", {"use": counted.of(contact.pk, contact.zone, clock.now())})


@pages.page("contacts.write")
def preferences(request: HttpRequest, contact_id: int) -> HttpResponse:
    """The link to their own preference page, by the last message they got; nothing without one."""
    newest = Message.objects.filter(contact=contact_id, state__in=states.SENT).order_by("-pk").only("pk").first()
    link = tracking.url("preferences", newest.pk) if newest else ""
    return render(request, "channels/contact/preferences.html", {"link": link})


def _contact(contact_id: int) -> Contact:
    found = Contact.objects.filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found
