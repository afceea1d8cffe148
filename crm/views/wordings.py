"""`/settings/consent-texts/`: what people agree to, in versions per purpose, language and country."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from crm import pages, publicids, toasts, wordings, workspace
from crm.errors import Problem
from crm.forms.wordings import PURPOSES, TextForm, WordingForm
from crm.models import Wording


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    used = set(wordings.codes_in_use())
    rows = list(Wording.objects.order_by("purpose", "language", "country", "-version"))
    texts = [
        {"purpose": PURPOSES.get(place[0], place[0]), "language": place[1], "country": place[2],
         "versions": [{"row": row, "used": row.code in used} for row in group]}
        for place, group in groupby(rows, key=lambda row: (row.purpose, row.language, row.country))
    ]  # fmt: skip
    unknown = sorted(used - {row.code for row in rows})
    return render(request, "crm/settings/wordings/page.html", {"texts": texts, "unknown": unknown})


@pages.page("workspace.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    """A new text, or the next version of the one whose place and words stand in the query."""
    names = ("purpose", "language", "country", "code")
    initial = {"language": workspace.current().language}
    initial |= {name: request.GET[name] for name in names if name in request.GET}
    before = Wording.objects.filter(pk=publicids.number(request.GET.get("from", "")) or 0).first()
    if before:
        initial |= {name: getattr(before, name) for name in ("purpose", "language", "country", "text")}
    form = WordingForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row = wordings.add(form.cleaned_data, request.user.pk, pages.actor(request))
        except Problem as problem:
            form.add_error("code", problem.detail)
        else:
            toasts.say(request, _("Saved as %(code)s.") % {"code": row.code})
            return pages.go(request, "crm:wording", row.pk)
    context = {"form": form, "before": before}
    return render(request, "crm/settings/wordings/new.html", context, status=422 if form.is_bound else 200)


@pages.page("workspace.write", "GET", "POST")
def text(request: HttpRequest, number: int) -> HttpResponse:
    """One version: where it is used, and its words, to change until somebody has agreed to them."""
    row = get_object_or_404(Wording.objects.select_related("made_by"), pk=number)
    form = TextForm(request.POST if request.method == "POST" else None, initial={"text": row.text})
    if request.method == "POST" and form.is_valid():
        try:
            wordings.edit(number, form.cleaned_data["text"], pages.actor(request))
        except Problem as problem:
            form.add_error("text", problem.detail)
        else:
            toasts.say(request, _("Saved."))
            return pages.go(request, "crm:wording", number)
    uses = wordings.uses(row.code)
    found = sum(use.receipts for use in uses)
    context = {
        "row": row, "form": form, "uses": uses, "found": found, "many": found >= wordings.MANY,
        "used": bool(uses), "purpose": PURPOSES.get(row.purpose, row.purpose),
        "hash": wordings.hash_of(row.text),
    }  # fmt: skip
    return render(request, "crm/settings/wordings/text.html", context, status=422 if form.is_bound else 200)
