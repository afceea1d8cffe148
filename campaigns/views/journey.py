"""The journey builder: the draft as a canvas or an outline, and every edit of it as a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from campaigns import canvas, commands, drafts, figures, frame, palette, presence, remedies
from campaigns.models import Campaign, Edit, Version
from campaigns.palette import doors
from crm import clock, pages, publicids
from crm.errors import Problem, Problems
from crm.models import Segment, User

PERIODS: Final = ("30", "7", "all", "none")


@dataclass
class Board:
    """Everything the builder shows of one campaign."""

    campaign: Campaign
    query: Mapping[str, str]
    folded: frozenset[str]

    @property
    def document(self) -> dict[str, Any]:
        found = self.campaign.document
        return found if isinstance(found, dict) else {}

    @property
    def view(self) -> str:
        return "outline" if self.query.get("view") == "outline" else "canvas"

    @property
    def period(self) -> str:
        asked = self.query.get("period", "30")
        return asked if asked in PERIODS else "30"

    @cached_property
    def checked(self) -> tuple[list[Problem], list[Problem]]:
        return drafts.problems(self.campaign)

    @cached_property
    def faults(self) -> dict[str, list[str]]:
        return _sentences(self.document, self.checked[0])

    @cached_property
    def drawing(self) -> canvas.Drawing:
        doubts = _sentences(self.document, self.checked[1])
        return canvas.draw(
            self.document, palette.speaker(self.document), faults=self.faults, doubts=doubts, folded=self.folded
        )

    @cached_property
    def door(self) -> dict[str, Any]:
        """The node at the top: how people come in."""
        title, detail, icon = doors.tell(self.document, _segment_names(doors.segments(self.document)))
        entry = [problem for problem in self.checked[0] if problem.pointer.startswith(("/entry", "/eligibility"))]
        faults = list(dict.fromkeys(remedies.title(problem) for problem in entry))
        return {"title": title, "detail": detail, "icon": icon, "faults": faults}

    @property
    def is_empty(self) -> bool:
        return not self.document.get("entry") and not self.document.get("steps")

    @cached_property
    def changes(self) -> int:
        version = self.campaign.version
        return canvas.changes(version.document, self.document) if version else 0

    @cached_property
    def reach(self) -> tuple[int, int]:
        return drafts.reach(self.campaign)

    @cached_property
    def last(self) -> Edit | None:
        return Edit.objects.filter(campaign=self.campaign).order_by("-number").first()

    @property
    def problem_count(self) -> int:
        return len(self.checked[0])


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    board = _board(request, campaign_id)
    if pages.is_fragment(request):
        return _answer(request, board)
    context = {
        **_context(request, board),
        "tiles": _tiles(),
        "units_json": json.dumps(_units(), ensure_ascii=False),
        "versions": list(Version.objects.filter(campaign=board.campaign).order_by("-number").values("number")[:50]),
        "step": request.GET.get("step", "")[:64],
    }
    return render(request, "campaigns/journey/page.html", context)


@pages.page("campaigns.read")
def counts(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The numbers on the steps, a moment after the steps themselves."""
    board = _board(request, campaign_id)
    if board.period == "none" or board.campaign.version is None:
        return HttpResponse("")
    span = span_of(board.campaign, request.GET)
    found = figures.counts(board.campaign, span)
    behind = {"since": span.since.isoformat() if span.since else "", "version": span.version or ""}
    context = {
        "campaign": board.campaign,
        "lines": _lines(board.document, found),
        "lanes": found.left,
        "behind": urlencode({key: value for key, value in behind.items() if value}),
    }
    return render(request, "campaigns/journey/_counts.html", context)


@pages.page("campaigns.write", "POST")
def edit(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Carry out one command. 409: somebody else was faster; 422: it makes no sense."""
    command = _read(request.POST.get("command", ""))
    return _change(
        request, campaign_id, lambda held, known: drafts.apply(held, command, **known) if command else _nonsense()
    )


@pages.page("campaigns.write", "POST")
def undo(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _change(request, campaign_id, lambda held, known: drafts.undo(held, **known))


@pages.page("campaigns.write", "POST")
def redo(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _change(request, campaign_id, lambda held, known: drafts.redo(held, **known))


@pages.page("campaigns.read")
def copy(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A step with all that is in it, for the clipboard of the browser."""
    step = commands.find(_board(request, campaign_id).document, request.GET.get("step", ""))
    return JsonResponse({"steps": [step] if step else []})


@pages.page("campaigns.write", "POST")
def present(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """I have this draft open: who else has?"""
    campaign = get_object_or_404(Campaign.objects.only("pk"), pk=campaign_id)
    user = request.user
    if not isinstance(user, User):
        return HttpResponse(status=403)
    now = clock.real()
    presence.note(campaign, user.pk, user.name or user.email, now)
    return render(request, "campaigns/journey/_others.html", {"others": presence.others(campaign, user.pk, now)})


def span_of(campaign: Campaign, query: Mapping[str, str]) -> figures.Span:
    """What `?period=30&version=3` counts."""
    days = {"30": 30, "7": 7}.get(query.get("period", "30"))
    since = clock.now() - timedelta(days=days) if days else None
    number = query.get("version", "")
    version = Version.objects.filter(campaign=campaign, number=publicids.number(number) or 0).first()
    return figures.Span(since, version.pk if version else None)


def _change(
    request: HttpRequest, campaign_id: int, verb: Callable[[Campaign, dict[str, Any]], Campaign]
) -> HttpResponse:
    campaign = _campaign(campaign_id)
    said = request.POST.get("revision", "")
    known = {"revision": publicids.number(said), "actor": pages.actor(request), "now": clock.now()}
    try:
        verb(campaign, known)
    except Problem as problem:
        return _stale(request, campaign) if problem.code == "stale" else _refused([problem])
    except Problems as problems:
        return _refused(problems.problems)
    return _answer(request, _board(request, campaign_id))


def _stale(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    context = {"campaign": campaign, "revision": campaign.revision, **frame.last_change(campaign)}
    return render(request, "campaigns/journey/_stale.html", context, status=409)


def _refused(problems: Sequence[Problem]) -> HttpResponse:
    detail = " ".join(dict.fromkeys(remedies.title(problem) for problem in problems))
    return JsonResponse({"detail": detail}, status=422)


def _nonsense() -> Campaign:
    raise Problem("/command", "invalid", "A command is a JSON object.")


def _read(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _answer(request: HttpRequest, board: Board) -> HttpResponse:
    """What an edit changes on the page: the drawing and the bar."""
    return render(request, "campaigns/journey/_board.html", _context(request, board))


def _context(request: HttpRequest, board: Board) -> dict[str, Any]:
    return {
        "board": board,
        "campaign": board.campaign,
        "can": pages.may(request, "campaigns.write"),
        "doors_offered": _doors() if board.is_empty else (),
    }


def _campaign(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("version"), pk=campaign_id)


def _board(request: HttpRequest, campaign_id: int) -> Board:
    query = request.GET if request.method == "GET" else QueryDict(request.headers.get("X-Board", ""))
    folded = request.headers.get("X-Folded", "")
    return Board(_campaign(campaign_id), query, frozenset(folded.split(",")[:500]) - {""})


def _sentences(document: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, list[str]]:
    found = drafts.by_step(document, problems)
    return {step: list(dict.fromkeys(remedies.title(each) for each in those)) for step, those in found.items()}


def _segment_names(named: Sequence[str]) -> dict[str, str]:
    numbers: dict[str, int] = {}
    for text in named:
        try:
            plain = publicids.number(text)
            numbers[text] = publicids.decode("seg", text) if plain is None else plain
        except Problem:
            continue
    known = dict(Segment.objects.filter(pk__in=numbers.values()).values_list("pk", "name")) if numbers else {}
    return {text: known[number] for text, number in numbers.items() if number in known}


# --- numbers ------------------------------------------------------------------------------------


def _lines(document: Mapping[str, Any], found: figures.Counts) -> list[dict[str, Any]]:
    """Step by step, which numbers are shown: those that say something of its kind."""
    shown: list[tuple[str, tuple[str, ...]]] = [("", ("entered", "converted"))]
    for _path, step in commands.walk(document):
        family = str(step.get("type")).partition(".")[0]
        shown.append((str(step.get("id")), SHOWN.get(family, ("entered", "waiting"))))
    return [
        {"step": step, "numbers": [(what, found.get(what, step)) for what in whats if _tells(what, step, found)]}
        for step, whats in shown
    ]


SHOWN: Final = {
    "send": ("sent", "opened", "clicked", "converted", "not_sent", "waiting"),
    "wait": ("waiting",),
    "exit": ("entered",),
    "goal": ("entered",),
}


def _tells(what: str, step: str, found: figures.Counts) -> bool:
    return what in ("entered", "sent") or found.get(what, step) > 0


# --- the picker ---------------------------------------------------------------------------------


def _tiles() -> list[dict[str, Any]]:
    """The tiles by family, each with the step that it adds."""
    return [
        {
            "family": label,
            "tiles": [
                {"tile": tile, "step": json.dumps({"type": tile.kind, **tile.fresh()}, ensure_ascii=False)}
                for tile in palette.tiles.values()
                if tile.family == family
            ],
        }
        for family, label in palette.FAMILIES.items()
    ]


def _doors() -> list[dict[str, Any]]:
    return [
        {"label": door.label, "help": door.help, "icon": door.icon, "json": json.dumps([door.entry])}
        for door in doors.CHOICES
    ]


def _units() -> dict[str, str]:
    """Words by which somebody types a length of time, in their language and in English."""
    return {
        "minutes": f"minutes minute min {_('minutes minute min')}",
        "hours": f"hours hour {_('hours hour')}",
        "days": f"days day {_('days day')}",
        "weeks": f"weeks week {_('weeks week')}",
    }
