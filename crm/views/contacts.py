"""`/contacts/`: everybody, found and narrowed down, and what is done to several at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import acts, clock, directory, lists, pages, preferences, publicids, tables, tags, telling, toasts, words
from crm.directory import Filters, Person
from crm.errors import Problem, Problems
from crm.forms.contacts import FilterForm
from crm.forms.contacts import wrong as wrong_words
from crm.models import Segment, Store, User

PREFERENCE: Final = "contacts.columns"
COLUMNS: Final[dict[str, Promise]] = {
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "card": gettext_lazy("Card"),
    "stage": gettext_lazy("Stage"),
    "tags": gettext_lazy("Tags"),
    "store": gettext_lazy("Home store"),
    "city": gettext_lazy("City"),
    "language": gettext_lazy("Language"),
    "last_order": gettext_lazy("Last order"),
    "created": gettext_lazy("Known since"),
}
DEFAULT: Final = ("email", "phone", "card", "stage", "tags", "created")
CELLS: Final[dict[str, Callable[[Person], Any]]] = {
    "email": lambda person: person.email,
    "phone": lambda person: person.phone,
    "card": lambda person: person.card,
    "stage": lambda person: person.stage,
    "tags": lambda person: ", ".join(tag.name for tag in person.tags),
    "store": lambda person: person.store,
    "city": lambda person: person.contact.city,
    "language": lambda person: person.contact.language,
    "last_order": lambda person: person.last_order.isoformat() if person.last_order else "",
    "created": lambda person: person.contact.created_at.isoformat(),
}


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    form, filters = _filters(request)
    now = clock.now()
    listed, count = directory.listed(filters, now)
    found = tables.page(listed, "-pk", request.GET.get("cursor", ""))
    people = directory.people(found.rows, full=pages.may(request, "contacts.write"))
    return render(request, "crm/contacts/page.html", {
        "form": form,
        "filters": filters,
        "query": _query(request),
        "page": found,
        "people": people,
        "count": _counted(count),
        "left_out": 0 if filters.who == "restricted" else listed.filter(restricted=True).count(),
        "columns": {name: COLUMNS[name] for name in _columns(request)},
        "all_columns": COLUMNS,
        "segments": Segment.objects.filter(archived_at=None).order_by("name")[:500],
        "lists": lists.every(),
        "tags": tags.every(),
        "stores": Store.objects.order_by("name"),
        "stages": {name: telling.stage(name) for name in words.STAGES},
        "choices": bool(filters.tag or filters.list or filters.store or filters.stage or filters.since)
        or filters.who != "people",
    })  # fmt: skip


@pages.page("office.read")
def export(request: HttpRequest) -> HttpResponseBase:
    """Exactly the rows the filters leave, with the columns somebody has chosen."""
    _form, filters = _filters(request)
    names = _columns(request)
    rows = directory.everyone(filters, clock.now(), full=pages.may(request, "contacts.write"))
    name = f"contacts-{formats.date_format(timezone.localtime(clock.now()), 'Y-m-d')}"
    return tables.as_csv(
        name,
        ["id", _("Name"), *(str(COLUMNS[each]) for each in names)],
        rows,
        lambda person: [
            publicids.encode("ctc", person.contact.pk),
            person.name,
            *(CELLS[each](person) for each in names),
        ],
    )


@pages.page("office.read", "POST")
def columns(request: HttpRequest) -> HttpResponse:
    """Which columns somebody wants to see, kept with them."""
    assert isinstance(request.user, User)  # noqa: S101 - the door let nobody else in
    preferences.keep(request.user, PREFERENCE, tables.columns(request.POST.getlist("column"), COLUMNS, DEFAULT))
    return pages.go(request, _back(request))


@pages.page("contacts.write", "POST")
def act(request: HttpRequest) -> HttpResponse:
    """Tag, put on a list, archive: the people that were chosen."""
    try:
        ids = [publicids.decode("ctc", each) for each in request.POST.getlist("id")]
        target = request.POST.get("target", "").strip() or request.POST.get("name", "").strip()
        _carry_out(request, acts.Act(request.POST.get("do", ""), ids, target), _back(request))
    except (Problem, Problems) as wrong:
        toasts.say(request, _words(wrong), tone="bad")
    return pages.go(request, _back(request))


@pages.page("contacts.write", "POST")
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """Take an act back; the button that leads here stands in a toast."""
    try:
        asked, back = acts.unseal(token)
    except signing.SignatureExpired:
        toasts.say(request, _("That is too long ago to be taken back."), tone="warn")
        return pages.go(request, "crm:contacts")
    except signing.BadSignature as wrong:
        raise Http404 from wrong
    try:
        done = acts.carry_out(asked, actor=pages.actor(request), now=clock.now())
        toasts.say(request, done.words)
    except (Problem, Problems) as wrong:
        toasts.say(request, _words(wrong), tone="bad")
    return pages.go(request, back)


def _carry_out(request: HttpRequest, asked: acts.Act, back: str) -> None:
    done = acts.carry_out(asked, actor=pages.actor(request), now=clock.now())
    way_back = reverse("crm:contacts-undo", args=[acts.seal(done.undo, back)]) if done.undo else ""
    toasts.say(request, done.words, undo=way_back, tone="ok" if done.undo else "info")


def _filters(request: HttpRequest) -> tuple[FilterForm, Filters]:
    form = FilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    return form, Filters(
        text=given.get("q", ""),
        tag=given.get("tag", ""),
        list=given.get("list", ""),
        store=given.get("store", ""),
        stage=given.get("stage", ""),
        since=given.get("since"),
        who=given.get("who") or "people",
    )


def _query(request: HttpRequest) -> str:
    """The filters alone, without the page."""
    given = request.GET.copy()
    given.pop("cursor", None)
    return f"?{given.urlencode()}" if given else ""


def _columns(request: HttpRequest) -> list[str]:
    assert isinstance(request.user, User)  # noqa: S101 - the door let nobody else in
    return tables.columns(preferences.of(request.user, PREFERENCE, ()), COLUMNS, DEFAULT)


def _counted(count: directory.Count) -> str:
    told = {"count": formats.number_format(count.number, force_grouping=True)}
    if count.about:
        return _("about %(count)s people") % told
    if count.more:
        return _("more than %(count)s people") % told
    return ngettext("%(count)s person", "%(count)s people", count.number) % told


def _back(request: HttpRequest) -> str:
    """Where the form says it was; only a place of ours."""
    back = request.POST.get("back", "")
    return back if back.startswith("/") and url_has_allowed_host_and_scheme(back, None) else reverse("crm:contacts")


def _words(wrong: Problem | Problems) -> str:
    found = wrong.problems if isinstance(wrong, Problems) else [wrong]
    return " ".join(wrong_words(problem) for problem in found)
