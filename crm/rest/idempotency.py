"""The same `Idempotency-Key` and body get the same answer, once the first has one.

The row is written first and in the transaction of the work itself: a twin that comes
at the same moment waits for it on the unique key, and a crash leaves neither row nor
work. Only successes are kept: after a refusal the same key may be tried again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import orjson
from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock
from crm.models import IdempotencyRecord
from crm.rest import bodies, requestlog
from crm.rest.problems import Refusal

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
KEPT: Final = timedelta(days=7)
KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")

Handler = Callable[..., Response]

BEGIN: Final = """
INSERT INTO crm_idempotencyrecord (actor, route, key, request_hash, status, body, created_at)
VALUES (%s, %s, %s, %s, 0, '', %s) ON CONFLICT (actor, route, key) DO NOTHING RETURNING id
"""
SWEEP: Final = """
DELETE FROM crm_idempotencyrecord WHERE id IN (
  SELECT id FROM crm_idempotencyrecord WHERE created_at < %s ORDER BY created_at LIMIT 20 FOR UPDATE SKIP LOCKED)
"""


def key_of(request: Request) -> str | None:
    """The key a request came with; a key that is none is refused."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise Refusal(400, "idempotency_key", f"{HEADER} has 1 to 200 visible ASCII characters.")
    return key


def once(handler: Handler, actor: str, key: str) -> Handler:
    """`handler`, but answering a second time what it answered the first time."""

    def answer(request: Request, *args: Any, **kwargs: Any) -> Response:
        route = request.path.rstrip("/")[-200:]
        digest = fingerprint(request)
        with transaction.atomic():
            row = _begin(actor, route, key, digest)
            if row is None:
                return _replay(actor, route, key, digest)
            response = handler(request, *args, **kwargs)
            kept = IdempotencyRecord.objects.filter(pk=row)
            if response.status_code < 400:
                # A secret is told once: whoever asks again learns that it was made, and rolls it.
                told = requestlog.unkeyed(bodies.encode(response.data).decode())
                kept.update(status=response.status_code, body=told.encode())
            else:  # a refusal that had to be written down is none to be repeated
                kept.delete()
        return response

    return answer


def fingerprint(request: Request) -> str:
    """What counts as the same request: path, query and the JSON, whatever the order of its keys."""
    said = f"{request.method} {request.path.rstrip('/')}?{request.META.get('QUERY_STRING', '')}\n".encode()
    return hashlib.sha256(said + orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _begin(actor: str, route: str, key: str, digest: str) -> int | None:
    """The row of a request that is new, or None: it has been answered (a twin at work is waited for)."""
    real = clock.real()
    with connection.cursor() as cursor:
        cursor.execute(SWEEP, [real - KEPT])
        cursor.execute(
            "DELETE FROM crm_idempotencyrecord WHERE actor = %s AND route = %s AND key = %s AND created_at < %s",
            [actor, route, key, real - KEPT],
        )
        cursor.execute(BEGIN, [actor, route, key, digest, real])
        found = cursor.fetchone()
    return found[0] if found else None


def _replay(actor: str, route: str, key: str, digest: str) -> Response:
    row = IdempotencyRecord.objects.get(actor=actor, route=route, key=key)
    if row.request_hash != digest:
        raise Refusal(
            422,
            "idempotency_key_reused",
            f"This {HEADER} was used with another body; use a new key for a new request.",
        )
    return Response(orjson.loads(bytes(row.body)), status=row.status, headers={REPLAYED: "true"})
