"""What happens around every request."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from config import health
from crm import clock

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
