"""`/contacts/duplicates/`: who may be the same person, to be merged or told apart; and a hint while somebody types."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from crm import clock, directory, duplicates, normalise, pages, publicids, tables, toasts, workspace
from crm.errors import Problem
from crm.models import Contact, Duplicate

STATES: Final = ("open", "dismissed", "merged")
SCORES: Final = (60, 75, 90)


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in STATES else "open"
    least = publicids.number(request.GET.get("least", "")) or 0
    code = request.GET.get("why", "")
    rows = Duplicate.objects.filter(state=state)
    if least:
        rows = rows.filter(score__gte=least)
    if code in duplicates.CODES:
        rows = rows.filter(reasons__contains=[{"code": code}])
    found = tables.page(rows, "-score", request.GET.get("cursor", ""), 25)
    numbers = {number for row in found.rows for number in (row.a_id, row.b_id)}
    contacts = list(Contact.objects.filter(pk__in=numbers))
    people = {
        person.contact.pk: person for person in directory.people(contacts, full=pages.may(request, "contacts.write"))
    }
    pairs = [
        (row, people[row.a_id], people[row.b_id], duplicates.words(row.reasons))
        for row in found.rows
        if row.a_id in people and row.b_id in people
    ]
    return render(request, "crm/duplicates/page.html", {
        "page": found, "pairs": pairs, "state": state, "least": least, "why": code, "scores": SCORES,
        "codes": [(each, *duplicates.words([{"code": each, "percent": 0}])) for each in duplicates.CODES],
    })  # fmt: skip


@pages.page("contacts.write", "POST")
def dismiss(request: HttpRequest, number: int) -> HttpResponse:
    if duplicates.decide(number, "dismissed", actor=pages.actor(request), now=clock.now()):
        toasts.say(request, _("They stay two contacts."), undo=reverse("crm:duplicate-reopen", args=[number]))
    else:
        toasts.say(request, _("Nothing to change."))
    return pages.go(request, "crm:duplicates")


@pages.page("contacts.write", "POST")
def reopen(request: HttpRequest, number: int) -> HttpResponse:
    if duplicates.decide(number, "open", actor=pages.actor(request), now=clock.now()):
        toasts.say(request, _("The pair is open again."))
    else:
        toasts.say(request, _("Nothing to change."))
    return pages.go(request, "crm:duplicates")


@pages.page("contacts.write", "POST")
def hint(request: HttpRequest) -> HttpResponse:
    """Whom what stands in the form may be already. Stores see no whole addresses.

    By POST, so that what somebody types stands in no address and no log; nothing is changed.
    """
    typed, without = _typed(request), request.GET.get("contact", "")
    try:
        mine = publicids.decode("ctc", without) if without else None
    except Problem:
        mine = None
    found = duplicates.like(typed, mine) if typed.name or typed.known else []
    contacts = list(Contact.objects.filter(pk__in=[number for number, _score, _reasons in found]))
    people = {
        person.contact.pk: person for person in directory.people(contacts, full=pages.may(request, "office.read"))
    }
    hints = [(people[number], duplicates.words(reasons)) for number, _score, reasons in found if number in people]
    return render(request, "crm/duplicates/_hint.html", {"hints": hints})


def _typed(request: HttpRequest) -> duplicates.Traits:
    """What is whole so far; half an address is passed over."""
    given, known = request.POST, set()
    for place in range(20):
        value = given.get(f"known-{place}-value", "").strip()
        kind = given.get(f"known-{place}-kind", "")
        if value and kind in normalise.MEDIUM:
            try:
                known.add((kind, normalise.trace(kind, value[:320], workspace.current().country).value))
            except Problem:
                continue
    name = f"{given.get('given_name', '').strip()} {given.get('family_name', '').strip()}".strip()[:240]
    born = given.get("birth_date", "")
    try:
        day = parse_date(born)
    except ValueError:
        day = None
    return duplicates.Traits(name, day, given.get("postal_code", "").strip()[:20], frozenset(known))
