"""`POST /store/entries/`: what a till did, also what waited while there was no network."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from crm import clock, till_pages
from crm.till import entries

LARGEST: Final = 2 * 1024 * 1024


@csrf_exempt
@till_pages.screen("POST", locked=True)
def take(request: till_pages.TillRequest) -> HttpResponseBase:
    """A page that was kept for weeks has no fresh CSRF token. What stands in its place: the cookie of a till is never
    sent along by another site (SameSite=Strict), a foreign page cannot set our header without being asked first (CORS),
    and an Origin that is not ours is refused."""
    if not _ours(request):
        return JsonResponse({"code": "foreign"}, status=403)
    if len(request.body) > LARGEST:
        return JsonResponse({"code": "too_large"}, status=413)
    try:
        said: Any = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return JsonResponse({"code": "not_json"}, status=400)
    sent = said.get("entries") if isinstance(said, dict) else None
    if not isinstance(sent, list) or not 1 <= len(sent) <= entries.MOST:
        return JsonResponse({"code": "batch_size", "words": f"1 to {entries.MOST} entries at once."}, status=400)
    return JsonResponse({"entries": entries.take(request.desk.device, sent, now=clock.now())})


def _ours(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin", "")
    same = not origin or urlsplit(origin).netloc == request.get_host()
    return same and request.headers.get("X-Till") == "1" and request.content_type == "application/json"
