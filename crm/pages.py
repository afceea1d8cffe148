"""The door of every page: who is let in, by which methods, and how a page says where to go on.

    @page("segments.write", "GET", "POST")
    def edit(request, segment_id): ...

A view without it is public; `tests/config/test_permissions.py` goes through all routes and knows
the public ones by name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from crm import access
from crm.models import Membership, User
from crm.models.team import Role

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def page(permission: str, *methods: str) -> Callable[[View], View]:
    """Let in who is logged in and has `permission`; methods default to GET (and HEAD)."""
    allowed = {method.upper() for method in methods or ("GET",)}
    if "GET" in allowed:
        allowed.add("HEAD")

    def guard(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            if permission not in permissions(request):
                return _refuse(request, permission)
            if request.method not in allowed:
                return HttpResponseNotAllowed(sorted(allowed))
            return view(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        checked.methods = frozenset(allowed)  # type: ignore[attr-defined]
        return cast(View, checked)

    return guard


def permissions(request: HttpRequest) -> frozenset[str]:
    """What the person of this request may do; one query per request."""
    kept = getattr(request, "_permissions", None)
    if kept is None:
        user = request.user
        if not isinstance(user, User):
            kept = frozenset[str]()
        elif user.is_superuser:
            kept = access.EVERYTHING
        else:
            kept = access.of_roles(user.memberships.values_list("role", flat=True))
        request._permissions = kept  # type: ignore[attr-defined]
    return kept


def may(request: HttpRequest, permission: str) -> bool:
    return permission in permissions(request)


def actor(request: HttpRequest) -> str:
    """Who does it, as the audit trail writes it: `user:7`."""
    return f"user:{request.user.pk}"


def is_fragment(request: HttpRequest) -> bool:
    """Does htmx ask for a part of the page?"""
    return request.headers.get("HX-Request") == "true"


def go(request: HttpRequest, to: str, *args: Any, **kwargs: Any) -> HttpResponse:
    """To another page after something was done; from a fragment too. `to` is a route's name or a path."""
    url = to if to.startswith("/") else reverse(to, args=args, kwargs=kwargs)
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _to_login(request: HttpRequest) -> HttpResponseBase:
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("login")})
    return redirect_to_login(request.get_full_path())


def _refuse(request: HttpRequest, permission: str) -> HttpResponse:
    """403, and who can help: the roles that may, and the people who administer this place."""
    roles = [Role(name).label for name, held in access.ROLES.items() if permission in held]
    admins = User.objects.filter(
        is_active=True, pk__in=Membership.objects.filter(role=Role.ADMIN).values("user_id")
    ).order_by("pk")[:3]
    return render(request, "403.html", {"roles": roles, "admins": list(admins)}, status=403)
