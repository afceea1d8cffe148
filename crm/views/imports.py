"""`/contacts/import/`: a file comes in, step by step, and can be taken back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from crm import clock, display, normalise, ownfields, pages, publicids, sources, tables, toasts, workspace
from crm.errors import Problem, Problems
from crm.forms.imports import DATES, KINDS, POLICIES, SOURCES, TARGETS, ConsentForm, ReadingForm, said
from crm.imports import files, guess, steering
from crm.imports.steering import Sample
from crm.imports.words import reason, stayed, verdict
from crm.models import ImportJob, ImportReject, User

State = ImportJob.State
SHOWN: Final = 20
# Without a worker for this long, it is said.
SILENT: Final = timedelta(seconds=20)
BATCH: Final = 1_000


@pages.page("imports.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    """A file, or what was pasted; and what was brought before."""
    if request.method == "POST":
        try:
            return pages.go(request, "crm:import-columns", _begun(request).pk)
        except (Problem, Problems) as wrong:
            return _start(request, _first(wrong))
    return _start(request, "")


def _start(request: HttpRequest, wrong: str) -> HttpResponse:
    jobs = ImportJob.objects.exclude(asked_at=None).select_related("owner").order_by("-pk")[:SHOWN]
    context = {"kinds": KINDS, "wrong": wrong, "kind": request.POST.get("kind", "contacts"), "jobs": jobs}
    return render(request, "crm/imports/start.html", context, status=422 if wrong else 200)


def _begun(request: HttpRequest) -> ImportJob:
    kind = request.POST.get("kind", "")
    if kind not in KINDS:
        raise Problem("/kind", "not_a_choice", _("Say what is in the file."))
    upload = request.FILES.get("file")
    kept = files.keep(upload) if isinstance(upload, UploadedFile) else files.paste(request.POST.get("pasted", ""))
    assert isinstance(request.user, User)  # noqa: S101 - the door let nobody else in
    after = publicids.number(request.POST.get("after", ""))
    mended = ImportJob.objects.filter(pk=after, kind=kind).first() if after else None
    return steering.begin(kept, kind, owner=request.user.pk, now=clock.now(), after=mended)


@pages.page("imports.write")
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Where the import is now."""
    found = _job(job_id)
    if found.state == State.DRAFT:
        return pages.go(request, "crm:import-columns", found.pk)
    return render(request, "crm/imports/job.html", _standing(found))


@pages.page("imports.write")
def progress(request: HttpRequest, job_id: int) -> HttpResponse:
    found = _job(job_id)
    return render(request, "crm/imports/_job.html", _standing(found))


@pages.page("imports.write", "GET", "POST")
def columns(request: HttpRequest, job_id: int) -> HttpResponse:
    """What each column is."""
    found = _editable(job_id)
    wrong: Sequence[Problem] = ()
    if request.method == "POST":
        form = ReadingForm(request.POST)
        try:
            form.is_valid()
            steering.say_columns(found, _mapping(request), {**form.reading(), "keep": request.POST.getlist("keep")})
            wrong = steering.problems(found, steering.sample(found))
            if not wrong and "look" not in request.POST:
                to = "crm:import-consent" if found.kind == "contacts" else "crm:import"
                if found.kind != "contacts":
                    steering.check(found)
                return pages.go(request, to, found.pk)
        except (Problem, Problems) as refused:
            wrong = refused.problems if isinstance(refused, Problems) else [refused]
    try:
        context = _columns(found, wrong if "look" not in request.POST else ())
    except (Problem, Problems, OSError) as refused:
        found.reading = {key: value for key, value in found.reading.items() if key not in ("encoding", "delimiter")}
        context = _columns(found, [Problem("", "unreadable", str(refused))])
    return render(request, "crm/imports/columns.html", context, status=422 if context["wrong"] else 200)


@pages.page("imports.write", "GET", "POST")
def consent(request: HttpRequest, job_id: int) -> HttpResponse:
    """What the people of the file agreed to; then it is checked."""
    found = _editable(job_id)
    form = ConsentForm(request.POST if request.method == "POST" else None, initial=said(found.consent))
    if request.method == "POST" and form.is_valid():
        try:
            steering.say_consent(found, form.consent())
            steering.check(found)
            return pages.go(request, "crm:import", found.pk)
        except (Problem, Problems) as wrong:
            form.add_error(None, _first(wrong))
    context = {"job": found, "form": form, "step": 3, "asks": "consent" in found.mapping}
    return render(request, "crm/imports/consent.html", context, status=422 if form.errors else 200)


@pages.page("imports.write", "POST")
def steer(request: HttpRequest, job_id: int, verb: str) -> HttpResponse:
    """Start, pause, go on, cancel, take back."""
    found = _job(job_id)
    if verb not in _VERBS:
        raise Http404
    try:
        _VERBS[verb](found, pages.actor(request))
    except Problem as wrong:
        toasts.say(request, reason(wrong.code, wrong.detail), tone="bad")
    return pages.go(request, "crm:import", found.pk)


_VERBS: Final[dict[str, Callable[[ImportJob, str], None]]] = {
    "start": lambda found, actor: steering.start(found, actor=actor),
    "pause": lambda found, actor: steering.pause(found, actor=actor),
    "cancel": lambda found, actor: steering.cancel(found, actor=actor),
    "undo": lambda found, actor: steering.undo(found, actor=actor),
}


@pages.page("imports.write")
def rejects(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """The rows that were not taken, with their reason: mended, they are brought alone."""
    found = _job(job_id)
    checked = found.state in (State.CHECKED, State.CHECKING, State.DRAFT)
    heads: list[str] = []
    if found.path:
        heads = steering.sample(found).heads
    rows = _rejects(found.pk, checked=checked)
    width = len(heads)

    def cells(one: ImportReject) -> list[Any]:
        padded = [*one.cells, *[""] * width][: max(width, len(one.cells))]
        return [*padded[:width], one.line, reason(one.code, one.detail), one.detail, *padded[width:]]

    return tables.as_csv(
        f"rejected-{publicids.encode('imp', found.pk)}", [*heads, "line", "reason", "remedy"], rows, cells
    )


def _rejects(number: int, *, checked: bool) -> Iterator[ImportReject]:
    last = (0, 0)
    while True:
        rows = ImportReject.objects.filter(job=number, checked=checked, line__gte=last[0]).order_by("line", "pk")
        batch = [one for one in rows[: BATCH + 1] if (one.line, one.pk) > last][:BATCH]
        yield from batch
        if len(batch) < BATCH:
            return
        last = (batch[-1].line, batch[-1].pk)


def _job(number: int) -> ImportJob:
    return get_object_or_404(ImportJob.objects.select_related("owner"), pk=number)


def _editable(number: int) -> ImportJob:
    found = _job(number)
    if found.state not in (State.DRAFT, State.CHECKED) or not found.path:
        raise Http404
    return found


def _mapping(request: HttpRequest) -> dict[str, str]:
    """target -> head; of two columns for one target the first is taken."""
    found: dict[str, str] = {}
    chosen = zip(request.POST.getlist("head"), request.POST.getlist("target"), strict=False)
    for number, (head, target) in enumerate(chosen, 1):
        if target:
            found.setdefault(_own_field(head, number) if target == "own" else target, head)
    return found


def _own_field(head: str, number: int) -> str:
    """A field of the shop's own by the column's head; one in other letters by its number."""
    name = guess.fold(head).replace(" ", "_")[:60]
    return f"fields.{name}" if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f"fields.column_{number}"


def _columns(found: ImportJob, wrong: Sequence[Problem]) -> dict[str, Any]:
    sample = steering.sample(found)
    by_head = {head: target for target, head in found.mapping.items()}
    order = steering.order_of_dates(found, sample)
    own = ownfields.known()
    targets: list[tuple[str, Any]] = [(name, TARGETS[name]) for name in guess.TARGETS[found.kind]]
    if found.kind == "contacts":
        targets += [(f"fields.{key}", each.label) for key, each in own.items()]
    known = {name for name, _label in targets}
    rows = [
        {
            "head": head,
            "cells": [cell for cell in cells if cell.strip()][:3],
            "target": by_head.get(head, ""),
            "new": by_head.get(head, "") if by_head.get(head, "") not in known else "",
            "looks": _looks(by_head.get(head, ""), cells),
            "keep": by_head.get(head, "") in found.reading.get("keep", ()),
        }
        for head, cells in zip(sample.heads, sample.columns, strict=True)
    ]
    return {
        "job": found, "step": 2, "rows": rows, "targets": targets, "sample": sample, "order": order,
        "first": _first_row(found, sample), "form": ReadingForm(initial=found.reading), "policies": POLICIES,
        "sources": SOURCES if sources.ranking(workspace.current().sources) else (),
        "dates": DATES, "wrong": [reason(each.code, each.detail, each.pointer) for each in wrong],
        "unread": [(each.line, reason(each.code, each.detail)) for each in sample.unread[:5]],
        "matched": sum(1 for row in rows if row["target"]), "looked": len(sample.rows),
    }  # fmt: skip


def _first_row(found: ImportJob, sample: Sample) -> list[tuple[Any, str]]:
    if not sample.rows:
        return []
    own = ownfields.known()
    row = sample.rows[0].cells
    return [
        (TARGETS.get(target) or (own[target[7:]].label if target[7:] in own else target), row[sample.heads.index(head)])
        for target, head in found.mapping.items()
        if head in sample.heads and row[sample.heads.index(head)].strip()
    ]


def _looks(target: str, cells: Sequence[str]) -> dict[str, Any]:
    """How many of the filled cells can be what the column is said to be, and how many come again."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not target or not filled:
        return {"filled": len(filled), "valid": None, "again": 0}
    again = len(filled) - len(set(filled)) if target in guess.TRACES else 0
    if target in ("email", "phone"):
        country = workspace.current().country
        valid: int | None = sum(_is(target, cell, country) for cell in filled)
    else:
        share = guess.share(filled, target)
        valid = None if share is None else round(share * len(filled))
    return {"filled": len(filled), "valid": valid, "wrong": len(filled) - (valid or 0), "again": again}


def _is(kind: str, text: str, country: str) -> bool:
    try:
        normalise.trace(kind, text, country)
    except Problem:
        return False
    return True


def _standing(found: ImportJob) -> dict[str, Any]:
    busy = found.state in (State.CHECKING, State.RUNNING, State.UNDOING)
    told = found.check_found or {}
    left = max(found.total - found.rows, 0)
    asked = found.asked_at or found.started_at
    waited = busy and found.lease_until is None and clock.now() - asked > SILENT
    return {
        "job": found, "busy": busy, "step": 4 if found.state in (State.CHECKING, State.CHECKED) else 5,
        "verdicts": [(name, verdict(name), count) for name, count in told.get("verdicts", {}).items()],
        "reasons": [(reason(code, ""), count) for code, count in told.get("reasons", {}).items()],
        "examples": [
            (name, verdict(name), [{**row, "reason": _why(row)} for row in rows])
            for name, rows in told.get("examples", {}).items()
        ],
        "heads": _heads(found) if told.get("examples") and found.state == State.CHECKED else [],
        "left": display.count(left), "seconds": left // found.speed if found.speed else None,
        "undoable": steering.undoable(found, clock.now()),
        "undo_until": found.finished_at + timedelta(days=steering.UNDO_DAYS) if found.finished_at else None,
        "stayed": [(stayed(why), count) for why, count in found.stayed.items()],
        "silent": waited, "kind": KINDS.get(found.kind, found.kind),
        "trouble": reason(found.trouble, found.trouble) if found.trouble else "",
    }  # fmt: skip


def _why(row: dict[str, Any]) -> str:
    told = reason(row["code"], "")
    own = ownfields.known()
    names = [
        str(TARGETS.get(name.removesuffix("_id")) or (own[name[7:]].label if name[7:] in own else name))
        for name in row.get("fields", ())
    ]
    return f"{told} ({', '.join(names)})" if names else told


def _heads(found: ImportJob) -> list[str]:
    try:
        return steering.sample(found).heads[:12]
    except (Problem, Problems, OSError):
        return []


def _first(wrong: Problem | Problems) -> str:
    one = wrong.problems[0] if isinstance(wrong, Problems) else wrong
    return reason(one.code, one.detail)
