"""`/store/`: a till is signed in, unlocked for somebody, locked and signed out."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from crm import till_pages
from crm.errors import Problem
from crm.models import Membership
from crm.models.team import Role
from crm.rest import limits
from crm.till import desk, pins

YEAR: Final = int(timedelta(days=365).total_seconds())
# Codes that may be tried in a minute: from one address, and in all.
TRIES, TRIES_OF_ALL = 10, 120


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Where a till begins: its places if it is signed in, else the code."""
    if request.method != "POST":
        here = desk.of(request.COOKIES.get(desk.COOKIE, ""))
        if here is not None:
            return redirect("crm:till-enrol" if here.membership else "crm:till-lock")
        return render(
            request, "store/sign_in.html", {"mine": _managed(request), "code": request.GET.get("code", "")[:20]}
        )
    address = str(request.META.get("REMOTE_ADDR", ""))[:60]
    if limits.count(f"till:{address}", TRIES).exceeded or limits.count("till:all", TRIES_OF_ALL).exceeded:
        return _refused(request, _("Too many codes were tried. Wait a minute and try again."), 429)
    found = desk.sign_in(request.POST.get("code", "")[:40])
    if found is None:
        return _refused(request, _("This code does not work: it is wrong, was used, or is older than 15 minutes."), 422)
    return _begin(found[1])


@require_http_methods(["POST"])
def here(request: HttpRequest, number: int) -> HttpResponse:
    """A manager who is logged in makes the browser before them a till of their store."""
    mine = get_object_or_404(_managed(request), pk=number)
    store = mine.store
    if store is None:
        raise AssertionError("a manager of a store has one")
    name = _("Browser of %(name)s") % {"name": mine.user}
    _device, code = desk.add(store, name, made_by=mine.user, actor=f"user:{mine.user_id}")
    found = desk.sign_in(code)
    if found is None:
        raise AssertionError("a new code works")
    return _begin(found[1])


@till_pages.screen("GET", locked=True)
def lock(request: till_pages.TillRequest) -> HttpResponse:
    """The names of those who work here; behind each a PIN."""
    return render(request, "store/lock.html", {"desk": request.desk, "people": _people(request.desk)})


@sensitive_post_parameters("pin")
@till_pages.screen("POST", locked=True)
def unlock(request: till_pages.TillRequest) -> HttpResponse:
    """`{staff, pin}` → the way in, or why not. A manager's PIN with `open` lets a locked colleague try again."""
    here_ = request.desk
    who = _people(here_).filter(pk=_number(request, "staff")).first()
    if who is None:
        return JsonResponse({"code": "not_found", "words": _("Choose who you are.")}, status=422)
    try:
        fits = pins.right(who, request.POST.get("pin", "")[:12])
    except Problem:
        words = _("Five wrong tries. A manager has to open it again.")
        return JsonResponse({"code": "pin_locked", "words": words}, status=422)
    if not fits:
        return JsonResponse({"code": "wrong", "words": _("This PIN is not right.")}, status=422)
    opened = _number(request, "open")
    if opened and who.role == Role.STORE_MANAGER:
        locked = get_object_or_404(_people(here_), pk=opened)
        pins.open_again(locked, actor=f"user:{who.user_id}")
        return JsonResponse({"code": "opened", "words": _("%(name)s can try again.") % {"name": locked.user}})
    desk.unlock(here_.device, who)
    return JsonResponse({"code": "ok", "pass": desk.pass_of(here_.device, who)})


@till_pages.screen("POST", locked=True)
def lock_now(request: till_pages.TillRequest) -> HttpResponse:
    desk.lock(request.desk.device)
    return JsonResponse({"code": "ok"})


@till_pages.screen("POST", locked=True)
def stay(request: till_pages.TillRequest) -> HttpResponse:
    """Somebody touched the screen: it stays unlocked."""
    if request.desk.membership is None:
        return JsonResponse({"code": "locked"}, status=423)
    desk.touch(request.desk)
    return JsonResponse({"code": "ok"})


@sensitive_post_parameters("pin")
@till_pages.screen("GET", "POST", locked=True)
def sign_out(request: till_pages.TillRequest) -> HttpResponse:
    """With a manager's PIN; the page asks first whether anything waits to be sent."""
    managers = _people(request.desk).filter(role=Role.STORE_MANAGER)
    wrong = ""
    if request.method == "POST":
        who = managers.filter(pk=_number(request, "staff")).first()
        try:
            if who is not None and pins.right(who, request.POST.get("pin", "")[:12]):
                desk.revoke(request.desk.device, actor=f"user:{who.user_id}")
                answer = redirect("crm:till")
                answer.delete_cookie(desk.COOKIE, path="/store/", samesite="Strict")
                answer["Clear-Site-Data"] = '"cache"'
                return answer
            wrong = _("This PIN is not right.")
        except Problem:
            wrong = _("Five wrong tries. A manager has to open it again.")
    context = {"desk": request.desk, "managers": managers, "wrong": wrong}
    return render(request, "store/sign_out.html", context, status=422 if wrong else 200)


@sensitive_post_parameters("pin", "old")
@till_pages.screen("GET", "POST", permission="own.write")
def own_pin(request: till_pages.TillRequest) -> HttpResponse:
    """Somebody changes their own PIN; the old one is asked."""
    me, wrong, done = request.desk.membership, "", False
    if request.method == "POST" and me is not None:
        try:
            if pins.right(me, request.POST.get("old", "")[:12]):
                pins.put(me, request.POST.get("pin", "")[:12], set_by=me.user, actor=request.desk.actor)
                done = True
            else:
                wrong = _("The old PIN is not right.")
        except Problem as refused:
            wrong = _pin_words(refused.code, str(refused.detail))
    context = {"desk": request.desk, "wrong": wrong, "done": done}
    return render(request, "store/own_pin.html", context, status=422 if wrong else 200)


def _pin_words(code: str, otherwise: str) -> str:
    return {
        "pin_length": _("A PIN has 4 to 6 digits."),
        "pin_simple": _("This PIN is too easy to guess."),
        "pin_locked": _("Five wrong tries. A manager has to open it again."),
    }.get(code, otherwise)


def _begin(token: str) -> HttpResponse:
    answer = redirect("crm:till-lock")
    answer.set_cookie(desk.COOKIE, token, max_age=YEAR, path="/store/", httponly=True, samesite="Strict",
                      secure=settings.SESSION_COOKIE_SECURE)  # fmt: skip
    return answer


def _refused(request: HttpRequest, words: str, status: int) -> HttpResponse:
    context = {"wrong": words, "mine": _managed(request), "code": ""}
    return render(request, "store/sign_in.html", context, status=status)


def _managed(request: HttpRequest) -> QuerySet[Membership]:
    """The stores that whoever is logged in manages."""
    rows = Membership.objects.select_related("store", "user").filter(role=Role.STORE_MANAGER, store__active=True)
    return rows.filter(user_id=request.user.pk or 0, user__is_active=True).order_by("store__name")


def _people(here_: desk.Desk) -> QuerySet[Membership]:
    """Who works at this till and has a PIN or may get one; managers last."""
    rows = Membership.objects.select_related("user", "store", "pin").filter(
        store=here_.store, role__in=desk.ROLES, user__is_active=True
    )
    return rows.order_by("-role", "user__name", "pk")


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
