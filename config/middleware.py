"""What happens around every request."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from django.contrib.messages import get_messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone

from config import health
from crm import clock, pages, workspace
from crm.rest import problems

Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("cauce.web")


def probes(get_response: Handler) -> Handler:
    """Answer `/healthz` and `/readyz` before sessions, hosts and the database are touched."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = request.path.rstrip("/")
        if path == "/healthz":
            return HttpResponse("ok\n", content_type="text/plain")
        if path == "/readyz":
            return health.ready_response()
        return get_response(request)

    return middleware


def request_log(get_response: Handler) -> Handler:
    """One log line per request, and an id that leads from the answer to it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        request.META["cauce.request_id"] = request_id
        response = get_response(request)
        response.headers["X-Request-Id"] = request_id
        # The route, not the path: paths of public links carry tokens.
        match = request.resolver_match
        log.info(
            "request",
            extra={
                "event": "request",
                "request_id": request_id,
                "method": request.method,
                "route": match.route if match else "",
                "status": response.status_code,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            },
        )
        return response

    return middleware


def business_clock(get_response: Handler) -> Handler:
    """Business time follows the testing clock from one request to the next."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            clock.refresh()
        except DatabaseError:
            # The page itself says better what is wrong with the database.
            log.warning("clock not read", extra={"event": "clock_not_read"})
        return get_response(request)

    return middleware


def local_time(get_response: Handler) -> Handler:
    """Pages show times in the workspace's zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            timezone.activate(workspace.current().zone)
        except (DatabaseError, ValueError):
            timezone.deactivate()
        try:
            return get_response(request)
        finally:
            timezone.deactivate()

    return middleware


class NoText:
    """A text with a NUL byte, which PostgreSQL does not keep, is a mistake of who sent it: 400, wherever it was."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return render(request, "400.html", status=400) if problems.is_no_text(error) else None


def toasts(get_response: Handler) -> Handler:
    """What a fragment's view had to say travels with the fragment, out of band."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (
            pages.is_fragment(request)
            and isinstance(response, HttpResponse)
            and response.status_code in (200, 409, 422)
            and response.get("Content-Type", "").startswith("text/html")
            and len(waiting := get_messages(request))
        ):
            response.write(render_to_string("ui/_toasts_oob.html", {"messages": waiting}, request))
        return response

    return middleware
