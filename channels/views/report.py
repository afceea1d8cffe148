"""`/hooks/<token>/`: what a provider's server reports of messages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels import reports
from channels.providers import http_reports
from crm import clock


@csrf_exempt
@require_POST
def take(request: HttpRequest, token: str) -> HttpResponse:
    """Keep it and say so; what it means is found out afterwards."""
    found = reports.door(token)
    if found is None:
        return HttpResponse(status=404)
    try:
        raw = request.read(reports.LONGEST + 1)
    except (UnreadablePostError, RawPostDataException):
        return HttpResponse(status=400)
    if len(raw) > reports.LONGEST:
        return HttpResponse(status=413)
    if not http_reports.is_signed(found.rule, found.secret, request.headers, raw):
        return HttpResponse(status=401)
    reports.store(found, request.content_type or "", raw, clock.now())
    return HttpResponse("ok", content_type="text/plain")
