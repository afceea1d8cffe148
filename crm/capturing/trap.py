"""The signed token of a form's page: which form, when and from where it was opened, and a number used once.

It stands in the page itself, so that no cookie is needed; what is sent back too soon, too late or with another
token was not sent by somebody who read the page.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core import signing

SALT: Final = "cauce.form.page"
DONE: Final = "cauce.form.done"
SOONEST: Final = timedelta(seconds=2)
LATEST: Final = timedelta(hours=24)
PLACEMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
# The name of the field that people do not see and machines fill in.
HONEY: Final = "website"


@dataclass(frozen=True)
class Ticket:
    """What a page knew when it was opened."""

    slug: str
    nonce: str
    at: float
    placement: str = ""
    referrer: str = ""
    utm: tuple[tuple[str, str], ...] = ()


def open_page(slug: str, query: Mapping[str, str], referrer: str, at: datetime) -> Ticket:
    """A ticket for a page that is opened now."""
    placement = query.get("p", "")
    utm = tuple((name, query[name][:120]) for name in UTM if query.get(name))
    known = placement if PLACEMENT.fullmatch(placement) else ""
    return Ticket(slug, secrets.token_urlsafe(18), at.timestamp(), known, referrer[:300], utm)


def again(ticket: Ticket, at: datetime) -> Ticket:
    """The same page shown once more: what is sent from it is still one answer."""
    return Ticket(ticket.slug, ticket.nonce, at.timestamp(), ticket.placement, ticket.referrer, ticket.utm)


def sign(ticket: Ticket) -> str:
    content = [ticket.slug, ticket.nonce, ticket.at, ticket.placement, ticket.referrer, [list(x) for x in ticket.utm]]
    return signing.dumps(content, salt=SALT, compress=True)


def read(text: str) -> Ticket | None:
    """The ticket, None if it was not made here."""
    try:
        slug, nonce, at, placement, referrer, utm = signing.loads(text[:4_000], salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Ticket(slug, nonce, at, placement, referrer, tuple((name, value) for name, value in utm))


def caught(ticket: Ticket, at: datetime) -> str:
    """`too_soon`, `too_late`, or "" for a person's pace."""
    age = at.timestamp() - ticket.at
    if age < SOONEST.total_seconds():
        return "too_soon"
    return "too_late" if age > LATEST.total_seconds() else ""


def done(nonce: str) -> str:
    """Names an answer in the address of its thank-you page."""
    return signing.dumps(nonce, salt=DONE)


def read_done(text: str) -> str | None:
    try:
        found: Any = signing.loads(text[:400], salt=DONE)
    except signing.BadSignature:
        return None
    return found if isinstance(found, str) else None
