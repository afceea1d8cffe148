"""`/p/<token>/data`: what a person asks of us about their data; `/d/<token>`: the copy, by the link of its letter.

No login and no JavaScript. GET shows, POST asks; what cannot be taken back is asked twice.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels import tracking
from channels.views import reader
from crm import clock, exports, exports_files, workspace
from crm.errors import Problem
from crm.models import RightsRequest
from crm.rights import requests

VIA: Final = "preferences"
ACTOR: Final = "themselves"
# What is asked a second time, before it is asked of us.
TWICE: Final = ("restriction", "erasure")
ASKS: Final = ("access", "correction", *TWICE)
SAID: Final[dict[str, Promise]] = {
    "open_already": gettext_lazy("You have asked for this before, and we have not answered yet."),
    "too_many": gettext_lazy("You had three copies in 30 days. Ask again later, or write to us."),
    "required": gettext_lazy("Write down what is not right."),
    "no_such_contact": gettext_lazy("We hold no data about you any more."),
}


# The token is the permission; there is no cookie to ride on, so no CSRF token either.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Their requests and how they stand; POST makes one."""
    found, _link = reader.find("preferences", token)
    if not found.known:
        raise Http404
    context: dict[str, Any] = {}
    with reader.speaking(found):
        kind = request.POST.get("ask", "")
        if request.method == "POST" and kind in TWICE and "sure" not in request.POST:
            context = {"sure_of": kind}
        elif request.method == "POST" and kind in ASKS:
            context = _ask(found, kind, request.POST.get("words", ""))
        status = 422 if context.get("wrong") else 200
        return render(request, "channels/my_data.html", {**shown(found, token), **context}, status=status)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@reader.private
def copy(request: HttpRequest, token: str) -> HttpResponseBase:
    """The copy, to whoever has the link of the letter, while it works."""
    row = requests.by_token(token) if tracking.read("copy", token) else None
    if row is None:
        raise Http404
    job = requests.file_of(row, clock.now())
    if request.method == "POST" and job is not None:
        requests.fetched(row, ACTOR)
        return FileResponse(
            (exports.folder() / job.path).open("rb"),
            as_attachment=True,
            filename=f"{job.name}.{job.form}",
            content_type=exports_files.TYPES[job.form],
        )
    context = {"job": job, "workspace_name": workspace.current().name}
    with reader.speaking_to(row.contact_id):
        return render(request, "channels/copy.html", context, status=200 if job else 410)


def shown(found: reader.Reader, token: str) -> dict[str, Any]:
    """What both pages say of their data: what was asked, and what may be asked now."""
    rows = requests.latest_of(found.contact_id)
    return {
        "token": token,
        "person": found,
        "workspace_name": workspace.current().name,
        "asked": [(row, _words(row)) for row in rows],
        "waiting": {row.kind for row in rows if row.state == RightsRequest.State.OPEN},
    }


def _ask(found: reader.Reader, kind: str, words: str) -> dict[str, Any]:
    now = clock.now()
    try:
        if kind == "access":
            row = requests.ask_for_copy(found.contact_id, found.address_id, actor=ACTOR, now=now)
        else:
            row = requests.ask(found.contact_id, kind, via=VIA, actor=ACTOR, now=now, words=words)
    except Problem as wrong:
        return {"wrong": SAID.get(wrong.code, str(wrong)), "said": words[: requests.LONGEST]}
    return {"received": row, "by_letter": row.job is not None}


def _words(row: RightsRequest) -> str:
    return {
        "access": _("A copy of your data"), "correction": _("To correct your data"),
        "restriction": _("To limit the use of your data"), "objection": _("To stop all advertising"),
        "erasure": _("To delete your data"),
    }.get(row.kind, row.kind)  # fmt: skip
