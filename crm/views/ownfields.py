"""`/settings/fields/`: the shop's own fields of a contact, and what each may hold."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, ownfields, pages, toasts
from crm.errors import Problem
from crm.forms.ownfields import KINDS, DefinitionForm
from crm.models import FieldDefinition


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    rows = [(row, KINDS[row.kind]) for row in FieldDefinition.objects.order_by("label", "pk")]
    used = [{"row": row, "kind": kind} for row, kind in rows if row.archived_at is None]
    away = [{"row": row} for row, _kind in rows if row.archived_at is not None]
    return render(request, "crm/settings/fields/page.html", {"used": used, "away": away})


@pages.page("workspace.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    form = DefinitionForm(request.POST if request.method == "POST" else None)
    return _edit(request, form, None)


@pages.page("workspace.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    row = get_object_or_404(FieldDefinition, pk=number)
    return _edit(request, DefinitionForm(request.POST if request.method == "POST" else None, row=row), row)


@pages.page("workspace.write", "POST")
def archive(request: HttpRequest, number: int) -> HttpResponse:
    """Out of the forms, or back (`on`). What people hold stays."""
    on = bool(request.POST.get("on") or request.GET.get("on"))
    get_object_or_404(FieldDefinition, pk=number)
    row = ownfields.archive(number, None if on else clock.now(), actor=pages.actor(request))
    if on:
        toasts.say(request, _("“%(name)s” is back.") % {"name": row.label})
    else:
        undo = reverse("crm:field-archive", args=[number]) + "?on=1"
        toasts.say(request, _("“%(name)s” is archived. What people hold stays.") % {"name": row.label}, undo=undo)
    return pages.go(request, "crm:fields")


def _edit(request: HttpRequest, form: DefinitionForm, row: FieldDefinition | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            _save(form.cleaned_data, row, pages.actor(request))
        except Problem as problem:
            name = problem.pointer.strip("/")
            form.add_error(name if name in form.fields else None, problem.detail)
        else:
            toasts.say(request, _("Saved."))
            return pages.go(request, "crm:fields")
    misfits = ownfields.misfits(ownfields.definition(row)) if row else 0
    context = {"form": form, "row": row, "misfits": misfits, "many": ownfields.MANY}
    return render(request, "crm/settings/fields/edit.html", context, status=422 if form.is_bound else 200)


def _save(values: dict[str, Any], row: FieldDefinition | None, actor: str) -> None:
    if row is None:
        ownfields.add(values, actor=actor)
    else:
        ownfields.change(row.pk, values, actor=actor)
