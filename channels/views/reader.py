"""Whose link it is: the person, the address and the message that a token names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Final

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from channels import tracking
from crm.models import Contact, Identifier

FIND: Final = """
SELECT m.id, m.contact_id, m.address_id, m.channel, coalesce(nullif(m.purpose, ''), 'offers'), m.campaign_id,
       m.content_id, m.started_at, coalesce(a.value, ''), coalesce(c.language, ''),
       c.id IS NOT NULL AND c.erased_at IS NULL
FROM channels_message m
LEFT JOIN crm_address a ON a.id = m.address_id
LEFT JOIN crm_contact c ON c.id = m.contact_id
WHERE m.id = %s"""

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Reader:
    """The person a message went to. `known` is False once the person was erased."""

    message_id: int
    contact_id: int
    address_id: int | None
    channel: str
    purpose: str
    campaign_id: int | None
    content_id: int | None
    started_at: datetime | None
    address: str
    language: str
    known: bool

    @property
    def masked(self) -> str:
        return mask(self.address)


def find(purpose: tracking.Purpose, token: str) -> tuple[Reader, int]:
    """(reader, link number) of a token. Raises Http404 for one that was not made here for this."""
    named = tracking.read(purpose, token)
    if named is None:
        raise Http404
    with connection.cursor() as cursor:
        cursor.execute(FIND, [named.message_id])
        row = cursor.fetchone()
    if row is None:
        raise Http404
    return Reader(*row), named.link


def holder(reader: Reader) -> int | None:
    """Who has this address now, where the person it went to was erased and is somebody new."""
    found = Identifier.objects.filter(address=reader.address_id).exclude(address=None).order_by("pk").first()
    return found.contact_id if found else None


def mask(address: str) -> str:
    """Enough to recognise one's own address, too little to learn somebody else's."""
    if "@" in address:
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}•••@{domain[:1]}•••.{domain.rpartition('.')[2]}"
    return f"•••{address[-2:]}" if len(address) > 5 else ""


def language_of(reader: Reader) -> str | None:
    """The person's language if these pages speak it."""
    short = reader.language[:2].lower()
    return short if short in dict(settings.LANGUAGES) else None


def private(view: View) -> View:
    """Pages behind a signed link are nobody's cache, referrer or search result."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


def speaking_to(contact_id: int) -> translation.override:
    """As `speaking`, where only the person is known."""
    asked = Contact.objects.filter(pk=contact_id).values_list("language", flat=True).first() or ""
    short = asked[:2].lower()
    return translation.override(short if short in dict(settings.LANGUAGES) else translation.get_language() or "en")


def speaking(reader: Reader) -> translation.override:
    return translation.override(language_of(reader) or translation.get_language() or "en")
