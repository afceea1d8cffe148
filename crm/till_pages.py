"""The door of every till screen: a device that is signed in, and somebody it is unlocked for.

    @screen("GET", permission="contacts.read")
    def page(request): ... request.desk

Whoever has no till gets the page that signs one in, whoever finds it locked the page with the names; callers that
want JSON or a fragment get 401 and 423.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from crm import access, pages
from crm.till import desk
from crm.till.desk import Desk

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class TillRequest(HttpRequest):
    """A request of a till, as views see it."""

    desk: Desk


def screen(*methods: str, permission: str = "contacts.read", locked: bool = False) -> Callable[[View], View]:
    """Let in a till that is signed in and unlocked for somebody with `permission` (`locked`: whatever its screen)."""
    allowed = {method.upper() for method in methods or ("GET",)}
    if "GET" in allowed:
        allowed.add("HEAD")

    def guard(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            found = desk.of(request.COOKIES.get(desk.COOKIE, ""))
            refused = _refusal(found, permission, locked=locked)
            if refused:
                return _away(request, *refused)
            if request.method not in allowed:
                return HttpResponseNotAllowed(sorted(allowed))
            request.desk = found  # type: ignore[attr-defined]
            if not locked:
                desk.touch(request.desk)  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        checked.till = True  # type: ignore[attr-defined]
        checked.till_permission = permission  # type: ignore[attr-defined]
        checked.methods = frozenset(allowed)  # type: ignore[attr-defined]
        return cast(View, checked)

    return guard


def _refusal(found: Desk | None, permission: str, *, locked: bool) -> tuple[()] | tuple[int, str, str]:
    """Why a screen is not shown, and what is shown in its place: (status, code, route)."""
    if found is None:
        return 401, "no_device", "crm:till"
    if not locked and found.membership is None:
        return 423, "locked", "crm:till-lock"
    if not locked and permission not in _permissions(found):
        return 403, "not_allowed", "crm:till"
    return ()


def _permissions(found: Desk) -> frozenset[str]:
    return access.of_roles([found.membership.role] if found.membership else [])


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in (request.headers.get("Accept", "") + request.headers.get("Content-Type", ""))


def _away(request: HttpRequest, status: int, code: str, route: str) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"code": code}, status=status)
    url = reverse(route)
    if pages.is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=status)
    return redirect(url)
