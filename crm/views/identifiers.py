"""`/settings/identifiers/`: how many of a kind one contact has, which counts first, and what names nobody;
and what the shop's cards look like."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from crm import pages, toasts, workspace
from crm.forms import identifiers


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    ruled, data = workspace.current().identifiers, request.POST if request.method == "POST" else None
    sheets, shape = identifiers.forms_of(ruled, data), identifiers.shape_form(ruled, data)
    if request.method == "POST" and all(form.is_valid() for form in [*(form for _words, form in sheets), shape]):
        told = {str(form.prefix): form.rule() for _words, form in sheets}
        told["card"]["shape"] = shape.cleaned_data
        workspace.change({"identifiers": told}, pages.actor(request))
        toasts.say(request, _("Saved."))
        return pages.go(request, "crm:identifiers")
    failed = request.method == "POST"
    context = {"sheets": sheets, "shape": shape, "failed": failed}
    return render(request, "crm/merge/identifiers.html", context, status=422 if failed else 200)
