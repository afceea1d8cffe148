"""`/developers/`: the first event in minutes, and the keys."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access, apikeys, audit, clock, pages, publicids, scopes, toasts
from crm.models import ApiKey, RequestLog, Store, User
from crm.rest import principal

OVERLAPS = {"0": timedelta(0), "24": timedelta(hours=24), "168": timedelta(days=7)}
ROLES = {
    "admin": gettext_lazy("Everything"), "marketer": gettext_lazy("Contacts, segments, campaigns"),
    "analyst": gettext_lazy("Reads everything"), "store": gettext_lazy("The people and purchases of a store"),
    "tracking": gettext_lazy("Tells events, from a web page too"),
}  # fmt: skip


@pages.page("keys.write")
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "crm/developers/start.html", _start())


@pages.page("keys.write", "POST")
def try_key(request: HttpRequest) -> HttpResponse:
    """A key to try with, filled into the example; told once."""
    secret = apikeys.create("marketer", _("To try the API"), scopes=_allowed(request, "marketer", ["events.write"]),
                            made_by=_me(request))  # fmt: skip
    key = ApiKey.objects.get(hash=apikeys.hash_of(secret))
    audit.record(pages.actor(request), "key.create", f"key:{key.pk}", None, {"name": key.name, "role": key.role})
    return render(request, "crm/developers/start.html", {**_start(), "secret": secret})


@pages.page("keys.write")
def newest(request: HttpRequest) -> HttpResponse:
    """The newest events that were taken from another system; asked every two seconds."""
    rows = RequestLog.objects.filter(actor__startswith="key:", status__lt=300, method="POST").order_by("-id")[:50]
    found = [_told(row) for row in rows if row.path.startswith(("/api/v1/events", "/v1/"))][:5]
    return render(request, "crm/developers/_newest.html", {"told": found})


def _told(row: RequestLog) -> dict[str, Any]:
    """What a request told, and which event became of it."""
    try:
        said, answer = json.loads(row.body or "{}"), json.loads(row.answer or "{}")
    except ValueError:
        said, answer = {}, {}
    name = said.get("name") or said.get("event") if isinstance(said, dict) else ""
    number = str(answer.get("id") or "")
    event = publicids.decode("evt", number) if number.startswith("evt_") else None
    return {"row": row, "name": name or row.path, "event": event, "public": number}


@pages.page("keys.write")
def keys(request: HttpRequest) -> HttpResponse:
    return _keys(request)


@pages.page("keys.write", "POST")
def new_key(request: HttpRequest) -> HttpResponse:
    role, asked = request.POST.get("role", ""), request.POST.getlist("scopes")
    until, narrowed = _day(request.POST.get("until", "")), _allowed(request, role, asked)
    store = Store.objects.filter(pk=publicids.number(request.POST.get("store", "")) or 0).first()
    wrong = {}
    if not request.POST.get("name", "").strip():
        wrong["name"] = _("Say what it is for.")
    if role not in access.KEY_ROLES:
        wrong["role"] = _("Choose what it may do.")
    elif not access.of_key(role) <= pages.permissions(request):
        wrong["role"] = _("You cannot make a key that may do more than you.")
    elif asked and not narrowed:  # no scopes at all would mean everything
        wrong["role"] = _("Choose what it may do.")
    if role == "store" and store is None:
        wrong["store"] = _("Choose the store.")
    if request.POST.get("until") and (until is None or until <= clock.real().date()):
        wrong["until"] = _("A date is needed.")
    if wrong:
        return _keys(request, wrong=wrong, status=422)
    secret = apikeys.create(
        role, request.POST["name"].strip()[:120], scopes=narrowed,
        store=store if role == "store" else None, made_by=_me(request),
        expires_at=clock.real() + timedelta(days=(until - clock.real().date()).days) if until else None,
    )  # fmt: skip
    made = ApiKey.objects.get(hash=apikeys.hash_of(secret))
    audit.record(pages.actor(request), "key.create", f"key:{made.pk}", None, {"name": made.name, "role": role})
    return _keys(request, secret=secret)


@pages.page("keys.write", "POST")
def roll(request: HttpRequest, number: int) -> HttpResponse:
    key = _mine(request, number)
    overlap = OVERLAPS.get(request.POST.get("hours", ""), OVERLAPS["24"])
    return _keys(request, secret=apikeys.roll(key, overlap=overlap, made_by=_me(request), actor=pages.actor(request)))


@pages.page("keys.write", "GET", "POST")
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    key = _mine(request, number)
    if request.method == "GET":
        return render(request, "crm/developers/revoke.html", {"key": key, "week": _week(key)})
    apikeys.revoke(key, actor=pages.actor(request))
    toasts.say(request, _("%(name)s opens nothing any more.") % {"name": key.name})
    return pages.go(request, "crm:keys")


def _keys(
    request: HttpRequest, *, secret: str = "", wrong: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    mine = [role for role in access.KEY_ROLES if access.of_key(role) <= pages.permissions(request)]
    rows = ApiKey.objects.select_related("store", "made_by").filter(revoked_at=None)
    context = {
        "secret": secret, "wrong": wrong or {}, "typed": request.POST,
        "keys": rows.filter(Q(expires_at=None) | Q(expires_at__gt=clock.real())).order_by("-pk")[:200],
        "roles": [(role, ROLES[role]) for role in mine], "stores": Store.objects.filter(active=True).order_by("name"),
        "ticked": request.POST.getlist("scopes"),
        "scopes": [(each, scopes.words(each)) for each in sorted(frozenset().union(*map(access.of_key, mine)))],
        "role_words": ROLES, "scope_words": scopes.WORDS,
    }  # fmt: skip
    return render(request, "crm/developers/keys.html", context, status=status)


def _start() -> dict[str, Any]:
    return {
        "base": settings.BASE_URL.rstrip("/"), "live": settings.CAUCE_MODE == "live", "secret": "",
    }  # fmt: skip


def _mine(request: HttpRequest, number: int) -> ApiKey:
    """A key somebody may touch: none that may do more than they do, as it is narrowed."""
    key = get_object_or_404(ApiKey.objects.select_related("store"), pk=number, revoked_at=None)
    if not principal.of_key(key).permissions <= pages.permissions(request):
        raise Http404
    return key


def _week(key: ApiKey) -> int:
    """How many requests it made in the last seven days: whom revoking would lock out."""
    since = clock.real() - timedelta(days=7)
    return RequestLog.objects.filter(actor=f"key:{key.pk}", at__gte=since).count()


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _allowed(request: HttpRequest, role: str, asked: list[str]) -> list[str]:
    """Scopes narrow the role."""
    return sorted(set(asked) & access.of_key(role) & pages.permissions(request))


def _me(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
