"""`/settings/privacy/`: what people asked of us about their data, and until when they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock, directory, pages, statements, tables, toasts
from crm.errors import Problem
from crm.models import Contact, ExportJob, RightsRequest
from crm.rights import requests

VIA: Final[dict[str, Promise]] = {
    "preferences": gettext_lazy("on their own page"),
    "office": gettext_lazy("written down here"),
    "api": gettext_lazy("by another system"),
}
# Where each is done; of whatever part of the house.
DONE_AT: Final[dict[str, tuple[str, Promise]]] = {
    "access": ("crm:contact-export", gettext_lazy("Make the copy")),
    "correction": ("crm:contact-edit", gettext_lazy("Correct it")),
    "erasure": ("crm:contact-erase", gettext_lazy("Erase…")),
}
SAID: Final[dict[str, Promise]] = {
    "required": gettext_lazy("Say why it is refused; they have a right to know."),
    "answered_already": gettext_lazy("This was answered before."),
    "open_already": gettext_lazy("This was asked before, and is not answered yet."),
    "no_such_contact": gettext_lazy("This contact is not there any more."),
}


@dataclass(frozen=True)
class Line:
    """A request as it is shown. `url`: where it is done, `word` what that is called."""

    row: RightsRequest
    name: str
    what: Promise | str
    via: Promise | str
    is_late: bool
    url: str
    word: Promise | str
    on_its_way: bool
    failed: bool


@pages.page("rights.write", "GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    """The open ones, the most urgent first; then those that were answered. POST writes one down."""
    if request.method == "POST":
        return _write_down(request)
    shown = tables.page(
        RightsRequest.objects.exclude(state="open").select_related("job"), "-settled_at", request.GET.get("cursor", "")
    )
    first = RightsRequest.objects.filter(state="open").select_related("job").order_by("due_at", "pk")[:200]
    waiting = [] if request.GET.get("cursor") else list(first)
    about = _asked(request.GET.get("contact", ""))
    lines = _lines([*waiting, *shown.rows])
    return render(request, "crm/rights/requests.html", {
        "open": lines[: len(waiting)],
        "answered": lines[len(waiting) :],
        "page": shown,
        "kinds": statements.REQUESTS,
        "contact": about,
        "contact_name": _names([about.pk]).get(about.pk, "") if about else "",
    })  # fmt: skip


@pages.page("rights.write", "POST")
def settle(request: HttpRequest, number: int) -> HttpResponse:
    return _answered(request, number, refused=False)


@pages.page("rights.write", "POST")
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    return _answered(request, number, refused=True)


def _answered(request: HttpRequest, number: int, *, refused: bool) -> HttpResponse:
    answer, actor, now = request.POST.get("answer", ""), pages.actor(request), clock.now()
    try:
        (requests.refuse if refused else requests.settle)(number, answer=answer, actor=actor, now=now)
        toasts.say(request, _("Refused, with the reason.") if refused else _("Answered."))
    except RightsRequest.DoesNotExist:
        raise Http404 from None
    except Problem as wrong:
        toasts.say(request, str(SAID.get(wrong.code, wrong)), tone="bad")
    return pages.go(request, "crm:rights")


def _write_down(request: HttpRequest) -> HttpResponse:
    """Somebody called or wrote a letter."""
    contact = _asked(request.POST.get("contact", ""))
    if contact is None:
        toasts.say(request, _("Nobody is known by this."), tone="bad")
        return pages.go(request, "crm:rights")
    try:
        requests.ask(
            contact.pk, request.POST.get("kind", ""), via="office", words=request.POST.get("words", ""),
            actor=pages.actor(request), now=clock.now(),
        )  # fmt: skip
        toasts.say(request, _("Written down."))
    except Problem as wrong:
        said = _("Say what is to be corrected.") if wrong.pointer == "/words" else SAID.get(wrong.code, wrong)
        toasts.say(request, str(said), tone="bad")
    return pages.go(request, "crm:rights")


def _asked(text: str) -> Contact | None:
    """Whom an id, an address or a number names; None where nobody, or more than one."""
    found = directory.by_identifier(text) if text.strip() else []
    people = list(Contact.objects.filter(pk__in=found, merged_into=None, erased_at=None)[:2])
    return people[0] if len(people) == 1 else None


def _lines(rows: list[RightsRequest]) -> list[Line]:
    names, now = _names([row.contact_id for row in rows]), clock.now()
    return [_line(row, names.get(row.contact_id, ""), row.state == "open" and row.due_at < now) for row in rows]


def _line(row: RightsRequest, name: str, is_late: bool) -> Line:  # noqa: FBT001 - a fact of the line
    route, word = DONE_AT.get(row.kind, ("crm:contact", gettext_lazy("Open the contact")))
    on_its_way = row.state == "open" and row.job is not None and row.job.state in (
        ExportJob.State.ASKED, ExportJob.State.READY,
    )  # fmt: skip
    return Line(
        row, name, statements.REQUESTS.get(row.kind, row.kind), VIA.get(row.via, row.via), is_late,
        _url(route, row.contact_id), word, on_its_way,
        row.state == "open" and row.job is not None and not on_its_way,
    )  # fmt: skip


def _names(ids: list[int]) -> dict[int, str]:
    """What each is called; "" for whoever was erased. Two queries."""
    contacts = Contact.objects.in_bulk(ids)
    known: dict[int, Any] = directory.identifiers(ids, full=True)
    return {number: directory.name_of(each, known.get(number, {})) for number, each in contacts.items()}


def _url(route: str, contact_id: int) -> str:
    try:
        return reverse(route, args=[contact_id])
    except NoReverseMatch:
        return reverse("crm:contact", args=[contact_id])
