"""Every request to the API, written after its answer, whatever that was. The one writer of RequestLog.

It is one statement in autocommit: a rollback of the request takes nothing of it, and a log that cannot be written fails
no request. Bodies are cut; keys are never kept.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, connection
from django.http import HttpRequest, UnreadablePostError
from django.http.response import HttpResponseBase

from crm import clock

# Every secret of ours, wherever it stands (`crm.apikeys`).
KEYS: Final = re.compile(r"\b((?:sk_(?:live|test)|wk|whsec)_)[\w+/=-]{20,}")
GZIP: Final = b"\x1f\x8b"
PATHS: Final = ("/api/v1/", "/v1/")
# A file of an import is no body to look at.
LARGEST: Final = 1024 * 1024
BODY, ANSWER, PATH, QUERY = 32_768, 8_192, 400, 1_000
HEADERS: Final = ("Content-Type", "Idempotency-Key", "User-Agent", "Origin")
# What views leave in `request.META` for the log.
ACTOR, DROPPED, SENT, AGAIN_OF = "cauce.actor", "cauce.dropped", "cauce.body", "cauce.again_of"
Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("cauce.requests")

PUT: Final = """
INSERT INTO crm_requestlog (at, request_id, actor, method, path, query, status, ms, replayed, dropped, bad, headers,
  body, answer, cut, again_of) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


def middleware(get_response: Handler) -> Handler:
    def logged(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PATHS) or request.method == "OPTIONS":
            return get_response(request)
        started = time.perf_counter()
        sent = _sent(request)
        response = get_response(request)
        try:
            _write(request, sent, response, round((time.perf_counter() - started) * 1000))
        except DatabaseError as error:
            log.warning("request not logged", extra={"event": "request_not_logged", "error": str(error)[:200]})
        return response

    return logged


def _sent(request: HttpRequest) -> bytes:
    """The body, kept before a view reads it as a stream; b"" for one that is too large to be read at all."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LARGEST:
        return b""
    try:
        return request.body
    except (UnreadablePostError, SuspiciousOperation):
        return b""


def _write(request: HttpRequest, sent: bytes, response: HttpResponseBase, ms: int) -> None:
    body = _body(request, sent)
    told = getattr(response, "content", b"")[: ANSWER + 1].decode("utf-8", "replace")
    dropped = list(request.META.get(DROPPED, ())) or _rejected(told)
    headers = {name: request.headers[name][:200] for name in HEADERS if name in request.headers}
    with connection.cursor() as cursor:
        cursor.execute(PUT, [
            clock.real(), str(request.META.get("cauce.request_id", ""))[:32], str(request.META.get(ACTOR, ""))[:40],
            str(request.method)[:8], _text(request.path)[:PATH], _text(request.META.get("QUERY_STRING", ""))[:QUERY],
            response.status_code, ms, response.get("Idempotent-Replayed") == "true", json.dumps(_plain(dropped[:50])),
            len(dropped), json.dumps(_plain(headers)), _text(body)[:BODY], _text(told)[:ANSWER],
            len(body) > BODY or len(told) > ANSWER, request.META.get(AGAIN_OF),
        ])  # fmt: skip


def _body(request: HttpRequest, sent: bytes) -> str:
    """As it came, or unzipped by its view. A letter has at most four bytes: more than these are not looked at."""
    said = request.META.get(SENT)
    if said is not None and sent[:2] == GZIP:
        return json.dumps(said, ensure_ascii=False)
    return sent[: 4 * BODY + 4].decode("utf-8", "replace")


def _rejected(told: str) -> list[Any]:
    """What a batch did not take, as its answer says."""
    if '"rejected"' not in told:
        return []
    try:
        found = json.loads(told).get("rejected", [])
    except (ValueError, AttributeError):
        return []
    return found if isinstance(found, list) else []


def unkeyed(text: str) -> str:
    """Without any secret of ours."""
    return KEYS.sub(r"\1…", text)


def _text(value: str) -> str:
    """As PostgreSQL keeps it, and without the keys that SDKs repeat in what they send."""
    return unkeyed(value.replace("\0", "").encode("utf-8", "replace").decode())


def _plain(value: Any) -> Any:
    """JSON as PostgreSQL keeps it: without NUL and halves of characters, however deep."""
    if isinstance(value, dict):
        return {_text(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value
