"""`/developers/requests/`: what integrators asked and were answered; one mended and sent again."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import audit, pages, publicids, tables
from crm.models import ApiKey, RequestLog
from crm.rest import masking, resending

FIELDS: Final = ("status", "key", "method", "path")
LOOKED_THROUGH: Final = 200_000
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
# By what became of them: words, and the statuses from and below.
STATUSES: Final[dict[str, tuple[Any, int, int]]] = {
    "errors": (gettext_lazy("Errors only"), 400, 600), "ok": (gettext_lazy("Taken (2xx)"), 200, 300),
    "theirs": (gettext_lazy("Their mistake (4xx)"), 400, 500), "ours": (gettext_lazy("Our mistake (5xx)"), 500, 600),
}  # fmt: skip


@pages.page("operations.read")
def page(request: HttpRequest) -> HttpResponse:
    """The newest first; a fragment every two seconds while nobody has paused it."""
    shown = tables.page(_rows(request), "-id", request.GET.get("cursor", ""))
    names = dict(ApiKey.objects.values_list("pk", "name")) if shown.rows else {}
    for row in shown.rows:
        number = row.actor.removeprefix("key:")
        row.shown_path = masking.path(row.path)
        row.who = names.get(int(number), row.actor) if number.isdigit() else row.actor
    context = {
        "page": shown, "keys": ApiKey.objects.filter(revoked_at=None).order_by("name")[:200],
        "said": {name: request.GET.get(name, "") for name in FIELDS}, "methods": METHODS,
        "statuses": [(code, words) for code, (words, _from, _below) in STATUSES.items()],
        "looked": LOOKED_THROUGH if _looks_through(request) else 0,
        "narrowed": any(request.GET.get(name) for name in FIELDS),
    }  # fmt: skip
    template = "crm/developers/_requests.html" if pages.is_fragment(request) else "crm/developers/requests.html"
    return render(request, template, context)


@pages.page("operations.read", "GET", "POST")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One request, masked; in full by POST for whoever runs the place, and that is written down."""
    row = get_object_or_404(RequestLog, pk=number)
    full = request.method == "POST" and pages.may(request, "workspace.write")
    if full:
        audit.record(pages.actor(request), "request.unmask", f"request:{row.pk}", None, {"request": row.request_id})
    return _one(request, row, full=full)


@pages.page("keys.write", "POST")
def again(request: HttpRequest, number: int) -> HttpResponse:
    """Mended, or as it was, as the same key, and never beyond what this person may do."""
    row = get_object_or_404(RequestLog, pk=number)
    edited = request.POST.get("body", "")
    try:
        body = masking.restored(edited, row.body) if edited.strip() else ""
    except ValueError as wrong:
        return _one(request, row, edited=edited, wrong=_("This is no JSON: %(why)s") % {"why": wrong}, status=422)
    refused = resending.refusal(row)
    if refused:
        return _one(request, row, edited=edited, wrong=refused, status=422)
    resending.send(row, body, pages.permissions(request))
    newer = RequestLog.objects.filter(again_of=row.pk).order_by("-pk").first()
    return _one(request, newer or row, before=row if newer else None)


def _one(
    request: HttpRequest, row: RequestLog, *, full: bool = False, edited: str = "", wrong: str = "",
    before: RequestLog | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    body = row.body if full else masking.masked(row.body) if row.body else ""
    context = {
        "row": row, "body": body, "answer": row.answer if full else masking.masked(row.answer),
        "full": full, "may_unmask": pages.may(request, "workspace.write"), "wrong": wrong, "before": before,
        "edited": edited or body, "curl": _curl(row, body, full=full),
        "traced": _event(row), "refusal": resending.refusal(row),
        "path": row.path if full else masking.path(row.path), **_small(row, full=full),
    }  # fmt: skip
    return render(request, "crm/developers/request.html", context, status=status)


def _event(row: RequestLog) -> int | None:
    """The event that became of it."""
    found = re.search(r'"(evt_[a-z0-9]+)"', row.answer)
    return publicids.decode("evt", found[1]) if found else None


def _small(row: RequestLog, *, full: bool) -> dict[str, Any]:
    """Headers, and what was not taken."""
    if full:
        return {"headers": row.headers, "dropped": row.dropped}
    headers = {**row.headers}
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = masking.looked(headers["Idempotency-Key"])
    dropped = [{**each, "detail": masking.looked(str(each.get("detail", "")))} for each in row.dropped]
    return {"headers": headers, "dropped": dropped}


def _curl(row: RequestLog, body: str, *, full: bool) -> str:
    path, query = (row.path, row.query) if full else (masking.path(row.path), masking.query(row.query))
    url = f"{settings.BASE_URL.rstrip('/')}{path}" + (f"?{query}" if query else "")
    lines = [f"curl -X {row.method} {shlex.quote(url)}", '-H "Authorization: Bearer $CAUCE_KEY"']
    if body:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def _rows(request: HttpRequest) -> Any:
    rows = RequestLog.objects.all()
    said = request.GET
    if said.get("status", "") in STATUSES:
        _words, least, below = STATUSES[said["status"]]
        rows = rows.filter(status__gte=least, status__lt=below)
    if said.get("key", "").isdigit():
        rows = rows.filter(actor=f"key:{said['key']}")
    if said.get("method", "") in METHODS:
        rows = rows.filter(method=said["method"])
    if said.get("path"):
        rows = rows.filter(path__contains=said["path"][:200])
    if _looks_through(request):
        rows = rows.filter(pk__gt=(RequestLog.objects.aggregate(newest=Max("pk"))["newest"] or 0) - LOOKED_THROUGH)
    return rows


def _looks_through(request: HttpRequest) -> bool:
    """No index helps with these: they are looked for among the newest."""
    return bool(request.GET.get("path") or request.GET.get("method") in METHODS)
