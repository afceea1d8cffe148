"""`/settings/me/`: one's own name, language and password."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _

from crm import pages, team, toasts
from crm.forms.people import OwnPasswordForm, ProfileForm
from crm.models import User


@pages.page("own.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    user = _me(request)
    form = ProfileForm(
        request.POST if request.method == "POST" else None, initial={"name": user.name, "language": user.language}
    )
    if request.method != "POST" or not form.is_valid():
        return render(request, "crm/settings/me.html", {"form": form}, status=422 if form.is_bound else 200)
    language = form.cleaned_data["language"]
    team.describe(user, form.cleaned_data["name"], language, pages.actor(request))
    with translation.override(language or translation.get_language() or "en"):
        toasts.say(request, _("Saved."))
    response = pages.go(request, "crm:me")
    if language:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    return response


@pages.page("own.write", "GET", "POST")
def password(request: HttpRequest) -> HttpResponse:
    """A new password; this session stays, all others end."""
    user = _me(request)
    form = OwnPasswordForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, user)
        toasts.say(request, _("The new password holds. Your other sessions have ended."))
        return pages.go(request, "crm:me")
    return render(request, "crm/settings/password.html", {"form": form}, status=422 if form.is_bound else 200)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `pages.page` lets nobody else in
    return request.user
