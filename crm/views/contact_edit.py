"""`/contacts/new/` and `/contacts/<ctc>/edit/`: a contact by hand, through the one door in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.forms import BaseFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from crm import capture, clock, desk, directory, ownfields, pages, publicids, telling, toasts
from crm.errors import Problem
from crm.forms.contacts import ContactForm, FieldRows, IdentifierRows, SaidForm, own_fields, wrong
from crm.forms.ownfields import ValuesForm
from crm.models import Contact, Identifier
from crm.normalise import Trace

SOURCE: Final = "office"


@dataclass
class Sheet:
    """All that somebody fills in for one contact."""

    form: ContactForm
    identifiers: BaseFormSet[Any]
    values: ValuesForm
    fields: BaseFormSet[Any]
    said: SaidForm
    contact: Contact | None
    held: Sequence[Identifier] = ()
    removed: frozenset[int] = frozenset()
    others: Sequence[directory.Person] = ()
    wrong: Sequence[str] = ()

    def is_valid(self) -> bool:
        parts = (self.form, self.identifiers, self.values, self.fields, self.said)
        answers = [part.is_valid() for part in parts]  # each says all that is wrong with it
        return all(answers)

    def traces(self) -> list[Trace]:
        return [row["trace"] for row in self.identifiers.cleaned_data if row.get("trace")]

    def arrival(self, actor: str) -> capture.Arrival:
        before = self.contact.fields if self.contact else {}
        fields = self.form.values()
        own = own_fields(self.fields.cleaned_data, before) | self.values.changed()
        if self.contact is None:  # nothing to empty yet
            fields = {name: value for name, value in fields.items() if value is not None}
        mine = [Trace("id", str(self.contact.pk))] if self.contact else []
        return capture.Arrival(
            [*mine, *self.traces()],
            fields | ({"fields": own} if own else {}),
            consents=self.said.consents(),
            source=SOURCE,
            actor=actor,
            in_person=True,
        )


@pages.page("contacts.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    sheet = _sheet(request, None)
    if request.method != "POST":
        return _shown(request, sheet)
    if not sheet.is_valid():
        return _shown(request, sheet, 422)
    traces = sheet.traces()
    if not traces:
        sheet.wrong = [_("Say at least one thing they are known by: an e-mail, a phone, a card or your number.")]
        return _shown(request, sheet, 422)
    sheet.others = _people(desk.holders(traces))
    return _shown(request, sheet, 409) if sheet.others else _saved(request, sheet)


@pages.page("contacts.write", "GET", "POST")
def edit(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = Contact.objects.select_related("home_store").filter(pk=contact_id).first()
    if contact is None:
        raise Http404
    if contact.merged_into_id:
        return redirect("crm:contact-edit", contact.merged_into_id)
    sheet = _sheet(request, contact)
    if contact.restricted:
        sheet.wrong = [_("This person is restricted: only what they say about consent can be saved.")]
    if request.method != "POST":
        return _shown(request, sheet)
    if not sheet.is_valid():
        return _shown(request, sheet, 422)
    return _saved(request, sheet)


def _saved(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    answer = desk.save(
        sheet.arrival(pages.actor(request)), sorted(sheet.removed), now=clock.now(), proof=sheet.said.file
    )
    if not answer.problems:
        toasts.say(request, _("Saved.") if sheet.contact else _("The contact is here."))
        return pages.go(request, "crm:contact", answer.contact_id)
    if any(problem.code == "identifiers_of_two_contacts" for problem in answer.problems):
        sheet.others = _people(desk.holders(sheet.traces(), sheet.contact.pk if sheet.contact else None))
        return _shown(request, sheet, 409)
    for problem in answer.problems:
        _blame(sheet, problem)
    return _shown(request, sheet, 422)


def _blame(sheet: Sheet, problem: Problem) -> None:
    """Put a mistake beside the field it is about; what has no field stands above all."""
    name = problem.pointer.strip("/").partition("/")[0]
    if name in sheet.form.fields:
        sheet.form.add_error(name, wrong(problem))
    elif name == "consents":
        sheet.said.add_error(None, wrong(problem))
    else:
        sheet.wrong = [*sheet.wrong, wrong(problem)]


def _sheet(request: HttpRequest, contact: Contact | None) -> Sheet:
    data = request.POST if request.method == "POST" else None
    held: list[Identifier] = []
    own: list[dict[str, str]] = []
    known = ownfields.known()
    if contact is not None:
        held = list(Identifier.objects.filter(contact=contact, kind__in=directory.NAMED).order_by("pk"))
        own = [
            {"name": name, "value": telling.plain(value)}
            for name, value in sorted(contact.fields.items()) if name not in known
        ]  # fmt: skip
    removed = {publicids.number(each) or 0 for each in request.POST.getlist("remove")} & {row.pk for row in held}
    start = None if contact else [{"kind": "email"}, {"kind": "phone"}, {"kind": "card"}]
    rows = IdentifierRows(data, prefix="known", initial=start)
    rows.extra = 0 if start else 1
    return Sheet(
        ContactForm(data, contact=contact),
        rows,
        ValuesForm(data, known=known, held=contact.fields if contact else {}),
        FieldRows(data, prefix="own", initial=own),
        SaidForm(data, request.FILES if data is not None else None, prefix="consent"),
        contact,
        held,
        frozenset(removed),
    )


def _people(ids: Sequence[int]) -> list[directory.Person]:
    return directory.people(list(Contact.objects.filter(pk__in=ids).order_by("pk")), full=True)


def _shown(request: HttpRequest, sheet: Sheet, status: int = 200) -> HttpResponse:
    name = directory.name_of(sheet.contact, {row.kind: row.value for row in sheet.held}) if sheet.contact else ""
    failed = status != 200
    context = {"sheet": sheet, "form": sheet.form, "contact": sheet.contact, "name": name, "failed": failed}
    return render(request, "crm/contacts/edit.html", context, status=status)
