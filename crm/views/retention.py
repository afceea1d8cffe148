"""`/settings/data-retention/`: how long each class of data is kept, what has had its time, and the log of what went."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import clock, pages, registry, retained, retention, toasts
from crm.errors import Problem
from crm.models import RetentionRun

LOG = 20
# So long somebody waits for a count.
PATIENCE = 10_000


@pages.page("workspace.write", "GET")
def page(request: HttpRequest) -> HttpResponse:
    return _shown(request)


@pages.page("workspace.write", "POST")
def change(request: HttpRequest, key: str) -> HttpResponse:
    """Keep this class for other days."""
    given = request.POST.get("days", "").strip()
    try:
        if not given.isdecimal() or len(given) > 5:
            raise Problem("/days", "number", _("A whole number of days, or 0 to keep it for ever."))
        retention.choose(key, int(given), actor=pages.actor(request))
    except Problem as problem:
        return _shown(request, {key: (given, problem.detail)})
    toasts.say(request, _("Saved. It holds from the next sweep on."))
    return pages.go(request, "crm:retention")


@pages.page("workspace.write", "POST")
def run(request: HttpRequest, key: str) -> HttpResponse:
    """Count what would go (`dry`), or let it go now."""
    now, actor = clock.now(), pages.actor(request)
    try:
        if "dry" in request.POST:
            retention.look(key, actor=actor, now=now, milliseconds=PATIENCE)
        elif _takes_people(key) and "sure" not in request.POST:
            raise Problem("", "sure", _("Nothing went: erasing people cannot be undone, and has to be confirmed."))
        else:
            _swept(request, retention.sweep(key, actor=actor, now=now))
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
    return pages.go(request, "crm:retention")


@pages.page("workspace.write", "POST")
def soon(request: HttpRequest) -> HttpResponse:
    """A list of those whose time is over soon, to write to them once more."""
    try:
        made = retained.soon(actor=pages.actor(request), now=clock.now())
    except Problem as problem:
        toasts.say(request, problem.detail, tone="warn")
        return pages.go(request, "crm:retention")
    return pages.go(request, "crm:segment", made.pk)


def _takes_people(key: str) -> bool:
    rule = registry.retention.get(key)
    return rule is not None and rule.people


def _swept(request: HttpRequest, found: RetentionRun) -> None:
    if found.trouble == retention.FAILED:
        toasts.say(request, _("It broke off. What went is written down; look at the log of the worker."), tone="bad")
    elif found.trouble:
        toasts.say(request, _("A part went. The rest goes by itself."))
    else:
        toasts.say(request, ngettext("%(n)s row went.", "%(n)s rows went.", found.removed) % {"n": found.removed})


def _shown(request: HttpRequest, wrong: dict[str, tuple[str, str]] | None = None) -> HttpResponse:
    lines = retention.lines()
    words = {line.key: line.rule.words for line in lines}
    log = RetentionRun.objects.filter(removed__gt=0, dry=False).order_by("-pk")[:LOG]
    context = {
        "lines": [(line, *(wrong or {}).get(line.key, ("", ""))) for line in lines],
        "log": [(run, words.get(run.key, run.key)) for run in log],
        "most": retention.MOST,
    }
    return render(request, "crm/settings/retention.html", context, status=422 if wrong else 200)
