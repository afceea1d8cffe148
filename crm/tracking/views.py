"""`/v1/…`: answers as the SDKs of Segment and RudderStack read them.

200 `{"success": true}` also where a message was dropped (the log of requests says which and why): an SDK sends
what is refused again and again, or throws it away. Errors are `{"code", "message"}`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from crm import clock, identity
from crm.errors import Problem
from crm.models import ApiKey
from crm.rest import bodies as rest
from crm.rest import keys, limits
from crm.rest.principal import Principal
from crm.tracking import bodies, taking

log = logging.getLogger("cauce.tracking")

NEEDED: Final = "events.write"
ALLOWED_HEADERS: Final = (
    "Authorization, Content-Type, Content-Encoding, AnonymousId, SentAt, X-Retry-Count, X-Requested-With"
)
EXPOSED: Final = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
A_DAY: Final = "86400"

View = Callable[..., HttpResponse]


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


def open_to_pages(*methods: str) -> Callable[[View], View]:
    """Every page may ask, without cookies; the preflight is answered here."""

    def decorate(view: View) -> View:
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "OPTIONS":
                response = HttpResponse(status=204)
            elif request.method not in methods:
                response = _error(Refused(405, "method_not_allowed", f"This address answers {', '.join(methods)}."))
                response["Allow"] = ", ".join((*methods, "OPTIONS"))
            else:
                response = view(request, *args, **kwargs)
            if request.method != "OPTIONS" and "RateLimit-Limit" not in response and response.status_code < 500:
                limits.write(response, limits.count(f"ip:{_address(request)}", limits.of_stranger()))
            _open(response, methods)
            return response

        return csrf_exempt(answer)

    return decorate


@open_to_pages("POST")
def tell(request: HttpRequest, kind: str = "") -> HttpResponse:
    """One message of a kind, or a batch (`kind` empty)."""
    standing: limits.Standing | None = None
    try:
        body, wrong = _body(request)
        request.META["cauce.body"] = body  # for the log: unzipped
        secret = _secret(request, body)
        asker = _asker(request, secret)
        standing = _count(request, asker)
        if wrong is not None:
            raise Refused(400, wrong.code, wrong.detail)
        if asker is None:
            raise Refused(401, "invalid_key", "This write key is unknown, has expired or was revoked.")
        if not asker.may(NEEDED):
            raise Refused(403, "missing_permission", f"This key may not do that: it needs {NEEDED}.")
        drops = taking.take(_messages(body, kind), _sent_at(request, body), asker, clock.now())
        request.META["cauce.dropped"] = [{"index": d.index, "code": d.code, "detail": d.detail} for d in drops]
        response = _json(200, {"success": True})
    except Refused as refused:
        response = _error(refused)
    except (OperationalError, InterfaceError, identity.Raced) as error:
        log.error("tracking failed", exc_info=error, extra={"event": "tracking_failed"})
        response = _error(Refused(503, "database", "The database did not answer in time; try again."))
        response["Retry-After"] = "2"
    if standing is not None:
        limits.write(response, standing)
    return response


@open_to_pages("POST")
def metrics(request: HttpRequest) -> HttpResponse:
    """What analytics.js counts of itself: of no use here, and an error would only be tried again."""
    del request
    return _json(200, {"success": True})


@open_to_pages("GET", "HEAD")
def settings(request: HttpRequest, key: str) -> HttpResponse:
    """What analytics.js asks before it begins: send everything here."""
    secure, host = request.is_secure(), request.get_host()
    segment: dict[str, Any] = {
        "apiKey": key,
        "apiHost": f"{host}/v1",
        "protocol": "https" if secure else "http",
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }
    return _json(200, {
        "integrations": {"Segment.io": segment},
        "plan": {},
        "edgeFunction": {}, "analyticsNextEnabled": True, "middlewareSettings": {}, "enabledMiddleware": {},
        "metrics": {"sampleRate": 0}, "legacyVideoPluginsEnabled": False, "remotePlugins": [],
    })  # fmt: skip


@open_to_pages("GET", "HEAD")
def source(request: HttpRequest) -> HttpResponse:
    """What RudderStack's browser SDK asks before it begins: no destinations, all goes here."""
    key = request.GET.get("writeKey") or keys.secret_of(request.META.get("HTTP_AUTHORIZATION", "")) or ""
    return _json(200, {
        "source": {
            "id": "cauce", "name": "Cauce", "writeKey": key, "enabled": True, "workspaceId": "cauce",
            "config": {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}},
            "destinations": [], "connections": [], "dataplanes": {},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    })  # fmt: skip


# --- reading ---------------------------------------------------------------------------------


def _body(request: HttpRequest) -> tuple[dict[str, Any], Problem | None]:
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = 0
    if declared > bodies.MOST_BYTES:
        return {}, Problem("", "body_too_large", f"A batch may have {bodies.MOST_BYTES >> 20} MB.")
    try:
        return bodies.read(request.body, request.META.get("HTTP_CONTENT_ENCODING", "")), None
    except Problem as problem:
        return {}, problem


def _secret(request: HttpRequest, body: Mapping[str, Any]) -> str | None:
    said = keys.secret_of(request.META.get("HTTP_AUTHORIZATION", ""))
    if said is not None:
        return said
    return next((key for key in (body.get("writeKey"), request.GET.get("writeKey")) if isinstance(key, str)), None)


def _asker(request: HttpRequest, secret: str | None) -> Principal | None:
    known: tuple[Principal, ApiKey] | None = None
    try:
        known = keys.known(secret) if secret else None
    except exceptions.AuthenticationFailed:
        known = None
    if known is None:
        return None
    request.META["cauce.actor"] = known[0].actor
    return known[0]


def _count(request: HttpRequest, asker: Principal | None) -> limits.Standing:
    """A page's key is everybody's: one visitor does not use up what all others have."""
    address = _address(request)
    if asker is None:
        standing = limits.count(f"ip:{address}", limits.of_stranger())
    elif taking.is_trusted(asker):
        standing = limits.count(asker.actor, limits.of_key())
    else:
        standing = limits.count(f"{asker.actor}/{address}", limits.of_key())
    if standing.exceeded:
        raise Throttled(standing)
    return standing


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:60]


class Throttled(Refused):
    def __init__(self, standing: limits.Standing) -> None:
        super().__init__(429, "rate_limit", f"Too many requests; try again in {standing.reset} s.")
        self.standing = standing


def _messages(body: Mapping[str, Any], kind: str) -> list[Any]:
    if kind:
        if bodies.is_large(body):
            raise Refused(400, "message_too_large", f"A message may have {bodies.MOST_OF_ONE // 1024} kB.")
        return [{**body, "type": kind}]
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise Refused(400, "no_batch", 'A batch reads {"batch": [ … ]}.')
    if len(batch) > bodies.MOST_AT_ONCE:
        raise Refused(400, "too_many", f"A batch may have {bodies.MOST_AT_ONCE} messages.")
    return batch


def _sent_at(request: HttpRequest, body: Mapping[str, Any]) -> Any:
    return body.get("sentAt") or request.META.get("HTTP_SENTAT")


# --- answering -------------------------------------------------------------------------------


def _json(status: int, data: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(rest.encode(data), status=status, content_type="application/json")


def _error(refused: Refused) -> HttpResponse:
    response = _json(refused.status, {"success": False, "code": refused.code, "message": refused.message})
    if isinstance(refused, Throttled):
        limits.write(response, refused.standing)
    if refused.status == 401:
        response["WWW-Authenticate"] = keys.CHALLENGE
    return response


def _open(response: HttpResponse, methods: tuple[str, ...]) -> None:
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = ", ".join((*methods, "OPTIONS"))
    response["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response["Access-Control-Expose-Headers"] = EXPOSED
    response["Access-Control-Max-Age"] = A_DAY
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Cache-Control"] = "no-store"
