"""`/join/<token>/`: somebody who was invited says their name, chooses a password, and is in."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm import clock, invitations, pages, workspace
from crm.errors import Problem
from crm.forms.people import JoinForm

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    invitation = invitations.find(token, clock.real())
    if invitation is None:
        return render(request, "crm/setup/join_over.html", status=410)
    form = JoinForm(request.POST if request.method == "POST" else None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            user = invitations.accept(token, data["name"], data["password"], get_language() or "en", clock.real())
        except Problem as problem:
            form.add_error(None, problem.detail)
        else:
            if user is None:
                return render(request, "crm/setup/join_over.html", status=410)
            login(request, user, backend=BACKEND)
            return pages.go(request, "home")
    context = {"form": form, "invitation": invitation, "workspace_name": workspace.current().name}
    return render(request, "crm/setup/join.html", context, status=422 if form.is_bound else 200)
