"""`/setup/`: the first page of an empty installation. Once somebody administers it, it is not there."""

from __future__ import annotations

from django.contrib.auth import login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm import pages, registry, team, workspace
from crm.errors import Problem
from crm.forms.people import SetupForm
from crm.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    if not team.nobody_administers():
        raise Http404
    form = SetupForm(
        request.POST if request.method == "POST" else None, initial={"language": get_language(), "currency": "EUR"}
    )
    if request.method != "POST" or not form.is_valid():
        return render(request, "crm/setup/page.html", {"form": form}, status=422 if form.is_bound else 200)
    try:
        admin = _found(form)
    except Problem as problem:
        form.add_error("email", problem.detail)
        return render(request, "crm/setup/page.html", {"form": form}, status=422)
    if admin is None:
        raise Http404
    login(request, admin, backend=BACKEND)
    return pages.go(request, "setup-start")


def _found(form: SetupForm) -> User | None:
    """All of it or nothing: two who submit at once do not become two first admins."""
    with transaction.atomic():
        admin = team.found(form.newcomer())
        if admin is not None:
            workspace.change(form.workspace(), f"user:{admin.pk}")
            for begin in registry.founders:
                begin()
    return admin
