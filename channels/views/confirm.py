"""`/k/…`: somebody confirms their yes. GET shows what would be confirmed, POST confirms; scanners change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels import confirming as messages
from channels.views import reader, wording
from crm import clock, confirming, normalise, workspace
from crm.confirmations import Asked
from crm.errors import Problem
from crm.models import Wording
from crm.rest import limits

# Codes that one computer may try in a minute, and messages it may ask for again.
MOST_TRIES: Final = 10


# The token is the permission; there is no cookie to ride on, so no CSRF token either.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def page(request: HttpRequest, token: str) -> HttpResponse:
    now, number = clock.now(), messages.number_of(token)
    asked = confirming.look(number) if number else None
    if asked is None:
        raise Http404
    if request.method == "POST":
        asked = confirming.confirm(asked.id, _evidence(request), now) or asked
    status = 200 if asked.confirmed_at or asked.is_open(now) else 410
    with _speaking(asked):
        return _shown(request, {"asked": asked, "open": asked.is_open(now), **_words(asked)}, status)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def code(request: HttpRequest) -> HttpResponse:
    """Type in the code of an SMS. What is wrong is never said more precisely than "not right, or too late"."""
    if request.method != "POST":
        return _ask(request)
    phone, typed = request.POST.get("phone", ""), "".join(request.POST.get("code", "").split())
    place = _place(phone)
    asked = None
    if place and len(typed) == 6 and typed.isascii() and typed.isdigit() and not _hurried(request):
        asked = confirming.confirm_code(place, typed, _evidence(request), clock.now())
    if asked is None:
        return _ask(request, {"phone": phone[:40], "wrong": True}, 422)
    with _speaking(asked):
        return _shown(request, {"asked": asked, "open": False, **_words(asked)}, 200)


@csrf_exempt
@require_http_methods(["POST"])
@reader.private
def again(request: HttpRequest) -> HttpResponse:
    """A new code, if anybody waits for one there; the answer is always the same."""
    phone = request.POST.get("phone", "")
    place = _place(phone)
    if place and not _hurried(request):
        confirming.send_again(place, clock.now())
    return _ask(request, {"phone": phone[:40], "again": True})


def _ask(request: HttpRequest, more: Mapping[str, Any] | None = None, status: int = 200) -> HttpResponse:
    context = {"workspace_name": workspace.current().name, **(more or {})}
    return render(request, "channels/confirm_code.html", context, status=status)


def _shown(request: HttpRequest, more: Mapping[str, Any], status: int) -> HttpResponse:
    context = {"workspace_name": workspace.current().name, **more}
    return render(request, "channels/confirm.html", context, status=status)


def _words(asked: Asked) -> dict[str, Any]:
    codes = confirming.wordings_of(asked.items)
    return {
        "masked": reader.mask(asked.address),
        "items": [
            (wording.PURPOSES[each["purpose"]][0], wording.PURPOSES[each["purpose"]][1],
             wording.CHANNELS[each["channel"]])
            for each in asked.items
        ],
        "texts": list(Wording.objects.filter(code__in=codes).values_list("text", flat=True)) if codes else [],
    }  # fmt: skip


def _place(phone: str) -> tuple[str, str] | None:
    try:
        return "phone", normalise.phone(phone, workspace.current().country)
    except Problem:
        return None


def _evidence(request: HttpRequest) -> dict[str, Any]:
    return {
        "ip": str(request.META.get("REMOTE_ADDR", ""))[:60],
        "user_agent": request.headers.get("User-Agent", "")[:200],
    }


def _hurried(request: HttpRequest) -> bool:
    """Somebody tries many of them; they are told the same as everybody."""
    return limits.count(f"confirm:{request.META.get('REMOTE_ADDR', '')}"[:70], MOST_TRIES).exceeded


def _speaking(asked: Asked) -> translation.override:
    short = asked.language[:2].lower()
    known = short in dict(settings.LANGUAGES)
    return translation.override(short if known else translation.get_language() or "en")
