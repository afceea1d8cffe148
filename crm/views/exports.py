"""`/exports/`: take people or events along as a file; a large one waits a day for whoever asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from crm import clock, exports, exports_files, pages, publicids, toasts
from crm.errors import Problem
from crm.exports import Wish
from crm.forms.contacts import FilterForm
from crm.models import ExportJob, User

FORMS: Final = ("csv", "xlsx", "json")
WHAT: Final = ("contacts", "segment", "events")
SHOWN: Final = 50
NARROWED: Final = {
    "q": "text",
    "tag": "tag",
    "list": "list",
    "store": "store",
    "stage": "stage",
    "since": "since",
    "who": "who",
}


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    """What can be taken along, and what waits to be."""
    mine = ExportJob.objects.filter(owner=_me(request)).order_by("-pk")[:SHOWN]
    what = request.GET.get("what", "")
    what = what if what in WHAT else WHAT[0]
    context = {
        "left_out": exports.left_out(Wish(what, "csv", dict(_which(request.GET, what)), full=False)),
        "jobs": mine, "forms": FORMS, "given": [(key, text) for key, text in request.GET.items() if key != "what"],
        "what": what, "busy": any(job.state == "asked" for job in mine),
    }  # fmt: skip
    return render(request, "crm/exports/page.html", context)


@pages.page("office.read", "POST")
def ask(request: HttpRequest) -> HttpResponseBase:
    """Small: here it is. Large: it is written."""
    wish = _wish(request)
    if wish.form != "xlsx" and exports.is_small(wish):
        exports.note(wish, actor=pages.actor(request))
        name = f"{wish.what}-{clock.now():%Y-%m-%d}.{wish.form}"
        return StreamingHttpResponse(
            exports_files.parts(wish.form, exports.heads(wish), exports.rows(wish)),
            content_type=exports_files.TYPES[wish.form],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    if exports.is_small(wish):
        exports.note(wish, actor=pages.actor(request))
        return _sheet(wish)
    exports.ask(wish, owner=_me(request).pk, actor=pages.actor(request))
    toasts.say(request, _("The file is being written. It waits here for you, for a day."))
    return pages.go(request, "crm:exports")


@pages.page("office.read")
def download(request: HttpRequest, number: int) -> HttpResponseBase:
    """The file, for whoever asked and nobody else, while its day lasts."""
    job = get_object_or_404(ExportJob, pk=number, owner=_me(request), state=ExportJob.State.READY)
    path = exports.folder() / job.path
    if job.expires_at <= clock.now() or not path.is_file():
        raise Http404
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{job.name}.{job.form}",
        content_type=exports_files.TYPES[job.form],
    )


def _sheet(wish: Wish) -> HttpResponseBase:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "export.xlsx"
        exports_files.write(path, "xlsx", exports.heads(wish), exports.rows(wish))
        return HttpResponse(
            path.read_bytes(),
            content_type=exports_files.TYPES["xlsx"],
            headers={"Content-Disposition": f'attachment; filename="{wish.what}-{clock.now():%Y-%m-%d}.xlsx"'},
        )


def _wish(request: HttpRequest) -> Wish:
    what, form = request.POST.get("what", ""), request.POST.get("form", "csv")
    if what not in WHAT or form not in FORMS:
        raise Http404
    return Wish(what, form, dict(_which(request.POST, what)), pages.may(request, "contacts.write"))


def _which(told: QueryDict, what: str) -> Iterator[tuple[str, str]]:
    try:
        if what == "segment":
            yield "segment", str(publicids.decode("seg", told.get("segment", "")))
        elif what == "events":
            yield "contact", str(publicids.decode("ctc", told.get("contact", "")))
    except Problem as wrong:
        raise Http404 from wrong
    if what == "contacts":
        form = FilterForm(told)
        form.is_valid()
        given: dict[str, Any] = form.cleaned_data
        for name, inner in NARROWED.items():
            value = given.get(name)
            if value:
                yield inner, value.isoformat() if hasattr(value, "isoformat") else str(value)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the door let nobody else in
    return request.user
