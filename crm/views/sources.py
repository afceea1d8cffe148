"""`/settings/sources/`: which source is believed before which, overall and field by field."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import ownfields, pages, sources, toasts, workspace
from crm.errors import Problem
from crm.forms.imports import TARGETS
from crm.sources import Ranking

KINDS: Final[dict[str, Promise]] = {
    "staff": gettext_lazy("Your team, by hand"),
    "person": gettext_lazy("The person themselves"),
    "till": gettext_lazy("Till"),
    "shop": gettext_lazy("Web shop and other programs"),
    "form": gettext_lazy("Forms"),
    "import": gettext_lazy("Imported files"),
}
UP: Final = {"up": -1, "down": 1}


@pages.page("workspace.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "crm/settings/sources.html", _context())
    try:
        ranked = changed(sources.ranking(workspace.current().sources), request.POST.dict())
    except Problem:
        return render(request, "crm/settings/sources.html", _context(), status=422)
    workspace.change({"sources": sources.kept(ranked)}, pages.actor(request))
    toasts.say(request, _("Saved."))
    return pages.go(request, "crm:sources")


def changed(ranked: Ranking, said: dict[str, str]) -> Ranking:
    """The ranking after one button. Raises Problem for a button there is not."""
    verb, name, kind = said.get("do", ""), said.get("field", ""), said.get("kind", "")
    if verb == "begin":
        return Ranking(sources.KINDS)
    if verb == "end":
        return sources.NONE
    if not ranked or (name and name not in names()):
        raise Problem("/do", "not_a_choice", "There is no such button.")
    if verb == "add" and name:
        return Ranking(ranked.order, {**ranked.fields, name: ranked.order})
    if verb == "drop":
        return Ranking(ranked.order, {each: order for each, order in ranked.fields.items() if each != name})
    if verb not in UP or (name and name not in ranked.fields):
        raise Problem("/do", "not_a_choice", "There is no such button.")
    moved = sources.moved(ranked.fields[name] if name else ranked.order, kind, UP[verb])
    return Ranking(ranked.order, {**ranked.fields, name: moved}) if name else Ranking(moved, ranked.fields)


def names() -> dict[str, Any]:
    """The fields that may have an order of their own, with their words."""
    own = {f"fields.{key}": each.label for key, each in ownfields.known().items()}
    return {name: TARGETS[name.removesuffix("_id")] for name in sources.COLUMNS} | own


def _context() -> dict[str, Any]:
    ranked, known = sources.ranking(workspace.current().sources), names()
    lists = [("", _("All fields"), _rows(ranked.order))] if ranked else []
    lists += [(name, known.get(name, name), _rows(order)) for name, order in sorted(ranked.fields.items())]
    rest = [(name, words) for name, words in known.items() if name not in ranked.fields]
    return {"lists": lists, "ranked": bool(ranked), "rest": rest}


def _rows(order: tuple[str, ...]) -> list[tuple[str, Any]]:
    return [(kind, KINDS[kind]) for kind in order]
