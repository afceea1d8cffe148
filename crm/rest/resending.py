"""A request of the log, sent again from here: as the same key, within what the person may do who sends it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import replace
from io import BytesIO
from typing import Any, cast

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.urls import resolve
from django.utils.translation import gettext as _

from crm import clock
from crm.models import ApiKey, RequestLog
from crm.rest import keys, principal, requestlog


def refusal(row: RequestLog) -> str:
    """Why it cannot be sent again; "" if it can."""
    if row.cut:
        return _("It was too large to be kept whole.")
    if not row.path.startswith("/api/v1/"):
        return _("Only requests to /api/v1/ are sent again from here.")
    if key_of(row) is None:
        return _("Its key holds no more.")
    return ""


def key_of(row: RequestLog) -> ApiKey | None:
    number = row.actor.removeprefix("key:")
    if not row.actor.startswith("key:") or not number.isdigit():
        return None
    key = ApiKey.objects.select_related("store").filter(pk=int(number), revoked_at=None).first()
    return key if key is not None and (key.expires_at is None or key.expires_at > clock.real()) else None


def send(row: RequestLog, body: str, permissions: Collection[str]) -> int:
    """Its status. It goes through everything a request from outside goes through, and stands in the log."""
    key = key_of(row)
    if key is None:
        raise ValueError("refused before")
    known = principal.of_key(key)
    asker = replace(known, permissions=known.permissions & frozenset(permissions))
    content = body.encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": row.method, "PATH_INFO": row.path, "QUERY_STRING": row.query, "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": BytesIO(content), "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "",
        requestlog.AGAIN_OF: row.pk, "cauce.request_id": uuid.uuid4().hex,
    }  # fmt: skip
    request: HttpRequest = WSGIRequest(environ)
    setattr(request, keys.AS, (asker, key))
    return _answered(request)


def _answered(request: HttpRequest) -> int:
    # A view that breaks is answered with 500 and stands in the log, as from outside.
    return requestlog.middleware(cast(requestlog.Handler, convert_exception_to_response(_view)))(request).status_code


def _view(request: HttpRequest) -> Any:
    found = resolve(request.path_info)
    request.resolver_match = found
    response = found.func(request, *found.args, **found.kwargs)
    return response.render() if hasattr(response, "render") else response
