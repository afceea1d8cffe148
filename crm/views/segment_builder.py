"""`/segments/new/`, `/segments/<seg>/`: a rule is put together, counted and saved.

The working copy travels with the page (`state`); what stands in the inputs is laid over it with
every request, so nothing typed is lost whatever the answer. A segment changes only by its button
(decision 0028); until then the browser keeps what was written (`static/js/segment-kept.js`). Without
scripts every button is a plain form.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, pages, publicids, toasts
from crm.errors import Problem, Problems
from crm.models import AuditEntry, Segment, User
from crm.segments import builder, edit, faults, fixed, uses, workbench
from crm.segments.builder import State

COPY, MINE = "copy", "mine"
DRAFT: Final = re.compile(r"[0-9a-z]{8,40}")


@pages.page("segments.write")
def new(request: HttpRequest) -> HttpResponse:
    """An empty rule, or one that begins with `?start=event.0`."""
    state = builder.empty()
    begun = request.GET.get("start", "")
    if begun:
        state, _at = builder.carried_out(state, "add", builder.MAIN, begun)
    return _page(request, state, None)


@pages.page("segments.read")
def segment(request: HttpRequest, segment_id: int) -> HttpResponse:
    found = get_object_or_404(Segment, pk=segment_id, archived_at=None)
    return _page(request, builder.opened(found.rule), found)


@pages.page("segments.read", "POST")
def rule(request: HttpRequest) -> HttpResponse:
    """The rule after a button or after a choice that changes what can be chosen next."""
    segment = _segment(request)
    try:
        made = workbench.changed(request.POST.dict())
    except Problem as problem:
        return HttpResponse(problem.detail, status=422)
    if not pages.is_fragment(request):
        return _page(request, made.state, segment, posted_name=True)
    answer = render(request, "crm/segments/_rule.html", workbench.after(made, reverse("crm:segment-rule")))
    # The button that asked is gone with the old rule; the event goes to what stays.
    answer.headers["HX-Trigger"] = '{"rule-changed": {"target": "#rules"}}'
    return answer


@pages.page("segments.write", "POST")
def save(request: HttpRequest, segment_id: int | None = None) -> HttpResponse:
    """Keep it. A mistake comes back where it stands, an older version as a question."""
    found = get_object_or_404(Segment, pk=segment_id, archived_at=None) if segment_id else None
    try:
        state = builder.posted(request.POST.dict())
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "crm:segments")
    keep = None if request.POST.get("as") == COPY else found
    try:
        kept = _kept(request, state, keep)
    except Problems as problems:
        return _page(request, state, found, problems=problems.problems, posted_name=True, status=422)
    except Problem as problem:
        stale = problem.code == "stale"
        told = None if stale else [problem]
        status = 409 if stale else 422
        return _page(request, state, found, problems=told, stale=stale, posted_name=True, status=status)
    toasts.say(request, _("“%(name)s” is saved.") % {"name": kept.name})
    return pages.go(request, _kept_url(request, kept))


def _kept(request: HttpRequest, state: State, found: Segment | None) -> Segment:
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    actor, now, wanted = pages.actor(request), clock.now(), builder.rule(state)
    if found is None:
        if request.POST.get("kind") != "fixed":
            return edit.create(name, wanted, actor=actor, now=now, description=description)
        checked = edit.checked(name, wanted, description)
        return fixed.snapshot(name, checked, actor=actor, now=now, description=description)
    # What was only opened is not rewritten, nor is the rule of a fixed list.
    same = fixed.is_fixed(found) or wanted == builder.rule(builder.opened(found.rule))
    # "Keep mine" is said of the version it was asked about; a third one asks again.
    edition = request.POST.get("theirs" if request.POST.get("as") == MINE else "edition", "")
    return edit.update(
        found,
        name=name,
        rule=None if same else wanted,
        description=description,
        edition=int(edition) if edition.isdecimal() and len(edition) < 10 else 0,
        actor=actor,
        now=now,
    )


# --- what the page sends ------------------------------------------------------------------------


def _segment(request: HttpRequest) -> Segment | None:
    text = request.POST.get("segment", "")
    number = publicids.number(text)
    return None if number is None else Segment.objects.filter(pk=number).first()


# --- what is shown ------------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    state: State,
    found: Segment | None,
    *,
    problems: list[Problem] | None = None,
    stale: bool = False,
    posted_name: bool = False,
    status: int = 200,
) -> HttpResponse:
    told = problems or []
    name = request.POST.get("name", "") if posted_name else (found.name if found else "")
    about = request.POST.get("description", "") if posted_name else (found.description if found else "")
    used = [(use, uses.url_of(use)) for use in uses.of([found.pk])[found.pk]] if found else []
    frozen = found is not None and fixed.is_fixed(found)
    context: dict[str, Any] = {
        **workbench.shown(state, reverse("crm:segment-rule"), told),
        "segment": found,
        "fixed": frozen,
        "name": name,
        "description": about,
        "kind": request.POST.get("kind", "live") if posted_name else "live",
        "edition": request.POST.get("edition", "") if posted_name else (found.edition if found else ""),
        "name_problems": [faults.said(each) for each in told if each.pointer == "/name"],
        "problems": faults.summary(told),
        "uses": used,
        "can_write": pages.may(request, "segments.write"),
        "save_url": _save_url(found),
        **_kept_here(request, found),
        "posted": posted_name,
        "stale": _who(found) if stale and found else None,
        "words": workbench.words(found.taken_from if frozen and found else builder.rule(state)),
    }
    return render(request, "crm/segments/segment.html", context, status=status)


def _save_url(found: Segment | None) -> str:
    return reverse("crm:segment-save", args=[found.pk]) if found else reverse("crm:segment-create")


def _kept_url(request: HttpRequest, kept: Segment) -> str:
    """The page of what was saved. It names the draft of the browser that is in there now, for that to forget it."""
    draft, url = request.POST.get("draft", ""), reverse("crm:segment", args=[kept.pk])
    return f"{url}?kept={draft}" if DRAFT.fullmatch(draft) else url


def _kept_here(request: HttpRequest, found: Segment | None) -> dict[str, Any]:
    """What the browser needs to keep what somebody has not saved yet: under which name, and of which page."""
    start = (request.GET.get("start", "") or request.POST.get("start", ""))[:40]
    name = publicids.encode("seg", found.pk) if found else f"new.{start}"
    here = reverse("crm:segment", args=[found.pk]) if found else reverse("crm:segment-new")
    query = f"?{urlencode({'start': start})}" if start and not found else ""
    return {"place": f"{request.user.pk}.segment.{name}", "start": start, "here": f"{here}{query}"}


def _who(found: Segment) -> dict[str, Any]:
    """Who saved the version that is there now."""
    subject = publicids.encode("seg", found.pk)
    entry = AuditEntry.objects.filter(subject=subject).order_by("-pk").first()
    number = entry.actor.removeprefix("user:") if entry else ""
    user = User.objects.filter(pk=int(number)).first() if number.isdecimal() else None
    return {"who": str(user or _("Somebody")), "at": found.updated_at, "url": reverse("crm:segment", args=[found.pk])}
