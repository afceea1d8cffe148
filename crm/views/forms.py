"""`/forms/`: forms as the office sees them: the list, the builder, sharing, results."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from crm import clock, ownfields, pages, tables, toasts
from crm.capturing import blocks, editing, office, qr, seats, showing, trap
from crm.capturing import results as came_back
from crm.display import CHANNELS
from crm.errors import Problem, Problems
from crm.models import Form, FormFile, FormSeat, Store, User, Wording
from crm.views import form_public

KINDS: Final = {
    "plain": gettext_lazy("Sign-up or question"),
    "leadmagnet": gettext_lazy("File in exchange for an address"),
    "event": gettext_lazy("Registration for an event"),
    "quiz": gettext_lazy("Quiz"),
    "poll": gettext_lazy("Poll"),
}
TYPES: Final = {
    "heading": gettext_lazy("Heading"),
    "text": gettext_lazy("Text"),
    "picture": gettext_lazy("Picture"),
    "field": gettext_lazy("Question about the person"),
    "consent": gettext_lazy("Consent box"),
    "question": gettext_lazy("Question with answers"),
    "nps": gettext_lazy("Score from 0 to 10"),
    "submit": gettext_lazy("Button"),
}
# What stands against publishing, in words.
WRONG: Final = {
    "required": gettext_lazy("Write something here."),
    "not_ours": gettext_lazy("Take the address of one of your pictures; it begins with /i/."),
    "no_such_field": gettext_lazy("Choose what is asked."),
    "no_such_text": gettext_lazy("Choose the text people agree to."),
    "no_address": gettext_lazy("The form does not ask for an address of this channel."),
    "too_few": gettext_lazy("A question has two answers at least."),
    "no_weight": gettext_lazy("Say for which result the answers count."),
    "one_button": gettext_lazy("A form has one button that sends it."),
    "twice": gettext_lazy("Something is asked twice."),
    "one_score": gettext_lazy("A form asks for one score."),
    "needs_email": gettext_lazy("It is sent by e-mail: ask for the address, and require it."),
    "needs_address": gettext_lazy("Ask for an e-mail address or a phone number, and require it."),
    "needs_question": gettext_lazy("Add a question."),
    "needs_result": gettext_lazy("Add a result."),
    "not_allowed": gettext_lazy("Forms may not lead to this site. FORM_REDIRECT_HOSTS names those they may."),
    "too_many": gettext_lazy("These are too many."),
    "no_such_product": gettext_lazy("The catalogue has no such article number."),
}


@pages.page("campaigns.read")
def page(request: HttpRequest) -> HttpResponse:
    away = "away" in request.GET
    rows = Form.objects.filter(archived_at__isnull=not away).defer("document")
    found = tables.page(rows, "-pk", request.GET.get("cursor", ""))
    standings = came_back.standings([form.pk for form in found.rows])
    shown = [{"form": form, "kind": KINDS[form.kind], "standing": standings[form.pk]} for form in found.rows]
    return render(request, "crm/forms/page.html", {"shown": shown, "page": found, "away": away})


@pages.page("campaigns.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    error = ""
    if request.method == "POST":
        kind, language = request.POST.get("kind", ""), request.POST.get("language", "")
        try:
            if kind not in KINDS or language not in dict(settings.LANGUAGES):
                raise Problem("", "not_a_choice", _("Choose a kind and a language."))
            user = request.user
            form = office.begin(
                request.POST.get("name", ""), kind, language, by=user.pk if isinstance(user, User) else None,
                actor=pages.actor(request), now=clock.now(),
            )  # fmt: skip
            return pages.go(request, "crm:form", form.pk)
        except Problem as problem:
            error = problem.detail
    context = {"kinds": KINDS.items(), "languages": settings.LANGUAGES, "error": error, "typed": request.POST}
    return render(request, "crm/forms/new.html", context, status=422 if error else 200)


@pages.page("campaigns.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """The builder. Every button keeps what is on the page first."""
    form = _form(number)
    focus = ""
    if request.method == "POST":
        document = editing.read(form.document, request.POST.dict(), request.POST.getlist)
        document, focus = blocks.act(document, request.POST.get("act", ""))
        form = office.save(
            number, document, request.POST.get("name", ""), request.POST.get("language", ""),
            actor=pages.actor(request), now=clock.now(),
        )  # fmt: skip
        if not request.POST.get("act"):
            toasts.say(request, _("Saved."))
        return pages.go(request, reverse("crm:form", args=[number]) + (f"#{focus}" if focus else ""))
    return _builder(request, form)


def _builder(request: HttpRequest, form: Form, *, told: bool = False) -> HttpResponse:
    problems = office.problems(form)
    return render(request, "crm/forms/edit.html", {
        "form": form, "kind": KINDS[form.kind], "rows": _rows(form, problems if told else []),
        "problems": [_words(each) for each in problems], "told": told,
        "pictures": any(block["type"] == "picture" for block in form.document["blocks"]),
        "types": [(name, label) for name, label in TYPES.items() if name != "submit"],
        "languages": settings.LANGUAGES, "changed": form.live is not None and form.live != form.document,
        "file": FormFile.objects.filter(form=form).defer("content").first(),
        "fields": [(name, showing.label(name)) for name in (*blocks.IDENTIFIERS, *blocks.STANDARD)]
        + [(f"own:{key}", each.label) for key, each in ownfields.known().items()],
        "wordings": [(each.code, each.text[:80]) for each in Wording.objects.order_by("-pk")[:200]],
        "channels": [(name, CHANNELS[name][2]) for name in ("email", "sms", "whatsapp", "call")],
    }, status=422 if told else 200)  # fmt: skip


def _rows(form: Form, problems: list[Problem]) -> list[dict[str, Any]]:
    """Blocks with their words and mistakes; answers with one empty row more."""
    keys = [(each["key"], each["title"]) for each in form.document.get("results", [])]
    rows = []
    for block in form.document["blocks"]:
        wrong = [_words(each) for each in problems if each.pointer.startswith(f"/{block['id']}/")]
        answers = [*block.get("answers", []), {"id": "", "text": "", "weights": {}}]
        rows.append({
            "block": block, "words": TYPES[block["type"]], "wrong": wrong,
            "pictured": blocks.is_ours(block.get("url", "")),
            "answers": [
                {**answer, "cells": [(key, title, answer["weights"].get(key, "")) for key, title in keys]}
                for answer in answers
            ],
        })  # fmt: skip
    return rows


def _words(problem: Problem) -> str:
    return str(WRONG.get(problem.code) or problem.detail)


@pages.page("campaigns.read")
def preview(request: HttpRequest, number: int) -> HttpResponse:
    """As it would look, published or not; it sends nothing."""
    form = _form(number)
    with override(form.language):
        response = form_public.shown(request, form, form.document, trap.Ticket("preview", "", 0), embedded=True)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response._csp_replace = {"frame-ancestors": ["'self'"]}  # type: ignore[attr-defined]
    return response


@pages.page("campaigns.write", "POST")
def publish(request: HttpRequest, number: int) -> HttpResponse:
    form = _form(number)
    try:
        office.publish(number, actor=pages.actor(request), now=clock.now())
    except Problems:
        return _builder(request, form, told=True)
    toasts.say(request, _("The form is published."))
    return pages.go(request, "crm:form-share", number)


@pages.page("campaigns.write", "POST")
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    _form(number)
    office.withdraw(number, actor=pages.actor(request))
    toasts.say(request, _("The form is closed. Its answers stay."))
    return pages.go(request, "crm:form", number)


@pages.page("campaigns.write", "POST")
def archive(request: HttpRequest, number: int) -> HttpResponse:
    """Out of the list, or back in it (`on`)."""
    form = _form(number)
    on = bool(request.POST.get("on") or request.GET.get("on"))
    office.archive(number, None if on else clock.now(), actor=pages.actor(request))
    undo = "" if on else reverse("crm:form-archive", args=[number]) + "?on=1"
    text = _("“%(name)s” is back.") if on else _("“%(name)s” is archived.")
    toasts.say(request, text % {"name": form.name}, undo=undo)
    return pages.go(request, "crm:forms")


@pages.page("campaigns.write", "POST")
def file(request: HttpRequest, number: int) -> HttpResponse:
    form, given = _form(number), request.FILES.get("file")
    try:
        if given is not None and (given.size or 0) > office.LARGEST:
            raise Problem("/file", "too_large", _("A file may have 10 MB."))
        office.put_file(form, (given and given.name) or "", given.read() if given else b"", actor=pages.actor(request))
        toasts.say(request, _("The file is here."))
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
    return pages.go(request, "crm:form", number)


@pages.page("campaigns.read")
def share(request: HttpRequest, number: int) -> HttpResponse:
    """Its link, its code, and what to put into another site."""
    form = _form(number)
    placement = request.GET.get("p", "")
    placement = placement if trap.PLACEMENT.fullmatch(placement) else ""
    link = _link(form, placement)
    snippet = (
        f'<script src="{settings.BASE_URL}{reverse("crm:form-script")}" data-form="{form.slug}"'
        f"{f' data-placement={chr(34)}{placement}{chr(34)}' if placement else ''} async></script>"
    )
    context = {"form": form, "placement": placement, "link": link, "snippet": snippet, "code": qr.svg(link),
               "placements": came_back.placements(form)}  # fmt: skip
    return render(request, "crm/forms/share.html", context)


@pages.page("campaigns.read")
def sheet(request: HttpRequest, number: int) -> HttpResponse:
    """A page to print for each store: the code that says where it hung."""
    form = _form(number)
    stores = Store.objects.order_by("name")[:200]
    sheets = [(store, _link(form, store.code), qr.svg(_link(form, store.code), 10)) for store in stores]
    return render(request, "crm/forms/sheet.html", {"form": form, "sheets": sheets})


def _link(form: Form, placement: str) -> str:
    url = settings.BASE_URL + reverse("crm:form-page", args=[form.slug])
    return f"{url}?p={placement}" if placement else url


@pages.page("campaigns.read")
def results(request: HttpRequest, number: int) -> HttpResponse:
    form = _form(number)
    found = tables.page(came_back.answers(form), "-pk", request.GET.get("cursor", ""))
    shown = came_back.columns(form) if pages.may(request, "contacts.write") else [
        each for each in came_back.columns(form)
        if each[0] in {block["id"] for block in blocks.of_type(form.document, "question", "nps", "consent")}
    ]  # fmt: skip
    rows = [{"answer": answer, "cells": list(came_back.cells(form, answer, shown))} for answer in found.rows]
    return render(request, "crm/forms/results.html", {
        "form": form, "page": found, "rows": rows, "columns": shown,
        "standing": came_back.standings([number])[number], "placements": came_back.placements(form),
        "questions": came_back.questions(form), "score": came_back.score(form),
        "outcomes": came_back.outcomes(form),
        "seats": _seats(form) if form.kind == "event" else None,
    })  # fmt: skip


def _seats(form: Form) -> dict[str, Any]:
    rows = seats.of(form)
    states = {state: rows.filter(state=state).count() for state in FormSeat.State.values}
    return {**states, "here": rows.filter(checked_in_at__isnull=False).count(),
            "all": (form.live or form.document).get("event", {}).get("seats", 0)}  # fmt: skip


@pages.page("contacts.write")
def export(request: HttpRequest, number: int) -> HttpResponseBase:
    """All answers as CSV."""
    form = _form(number)
    shown = came_back.columns(form)
    heads = [_("When"), _("Placement"), *(name for _block, name in shown), _("Score"), _("Result")]
    return tables.as_csv(
        form.slug,
        heads,
        came_back.answers(form).order_by("-pk").iterator(500),
        lambda answer: [
            answer.at.isoformat(timespec="seconds"), answer.placement, *came_back.cells(form, answer, shown),
            answer.score, answer.result,
        ],
    )  # fmt: skip


@pages.page("contacts.write", "GET", "POST")
def check_in(request: HttpRequest, token: str) -> HttpResponse:
    """The code of a seat, read at the door: who it is, and one button."""
    number = seats.read(token)
    seat = FormSeat.objects.select_related("form", "contact").filter(pk=number).first() if number else None
    if seat is None:
        raise Http404
    if request.method == "POST":
        seats.check_in(seat.pk, clock.now())
        return pages.go(request, "crm:form-check-in", token)
    return render(request, "crm/forms/check_in.html", {"seat": seat, "form": seat.form})


def _form(number: int) -> Form:
    return get_object_or_404(Form, pk=number)
