"""A message shown inside a page of ours: from an address of its own, with headers of its own (decision C8).

Nothing in it runs, posts, or is fetched but pictures, and only we may frame it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse


def policy() -> str:
    # Pictures stand in messages with the public address, which may be another than the one somebody works at.
    return (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        f"img-src 'self' {settings.BASE_URL} https: data:; font-src https: data:; frame-ancestors 'self'; "
        "base-uri 'none'; form-action 'none'"
    )


def guard(response: HttpResponse) -> HttpResponse:
    """The response with these headers."""
    response.headers["Content-Security-Policy"] = policy()
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store, private"
    return response
