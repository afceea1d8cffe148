"""`/c/<token>` and `/o/<token>.gif`: a link followed, a message opened.

They record what happened, never change a permission, and lead only to links that were
stored when the message was published. Whoever has withdrawn the tracking purpose since
is led on without a trace.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from typing import Final

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from channels import intake, tracking
from channels.models import Link
from channels.types import DeliveryEvent
from channels.views import reader
from crm import clock, consent

log = logging.getLogger(__name__)
GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@require_safe
@reader.private
def click(request: HttpRequest, token: str) -> HttpResponse:
    person, number = reader.find("click", token)
    link = Link.objects.filter(pk=number, content_id=person.content_id or 0).first()
    if link is None:
        raise Http404
    _record(request, person, "clicked", link=link.pk, url=link.url)
    return HttpResponseRedirect(link.url)


@require_safe
@reader.private
def opened(request: HttpRequest, token: str) -> HttpResponse:
    person, _ = reader.find("open", token)
    _record(request, person, "opened")
    return HttpResponse(GIF, content_type="image/gif")


def _record(request: HttpRequest, person: reader.Reader, kind: str, *, link: int = 0, url: str = "") -> None:
    """Tell it, unless the person does not want to be told of; a failure never stops the reader."""
    now = clock.now()
    machine = tracking.is_machine(request.method or "", request.headers, person.started_at, clock.real())
    try:
        if not _may_be_told(person):
            return
        # The same link within a minute is the same click; a scanner's does not hide a person's.
        minute = int(now.timestamp()) // 60
        event = DeliveryEvent(
            kind=kind, at=now, event_id=f"{kind}:{link}:{'machine' if machine else 'person'}:{minute}",
            message_id=person.message_id, machine=machine, detail={"url": url, "link": link},
        )  # fmt: skip
        intake.receive([event], now)
    except DatabaseError:
        log.exception("not recorded", extra={"event": "follow_not_recorded", "message_id": person.message_id})


def _may_be_told(person: reader.Reader) -> bool:
    key = (person.contact_id, person.address_id, "tracking", person.channel)
    return isinstance(consent.decide(consent.standings([key])[key], "marketing", clock.now()), consent.Allow)
