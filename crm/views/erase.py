"""`/contacts/<ctc>/erase/`: what would go and what would stay, and a word to type before it does."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from crm import clock, directory, pages, publicids, toasts
from crm.errors import Problem
from crm.models import Contact, Erasure
from crm.rights import erasure, plan


@pages.page("rights.write", "GET", "POST")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = Contact.objects.filter(pk=contact_id).first()
    if contact is None:
        raise Http404
    if contact.merged_into_id:
        return redirect("crm:contact-erase", contact.merged_into_id)
    found = Erasure.objects.filter(contact=contact.pk).first()
    if found is not None:
        return _told(request, contact, found)
    if request.method == "POST":
        return _erase(request, contact)
    return _asked(request, contact)


def gone(request: HttpRequest, contact: Contact) -> HttpResponse:
    """The page of a contact who was erased."""
    return _told(request, contact, Erasure.objects.filter(contact=contact.pk).first(), status=410)


def _erase(request: HttpRequest, contact: Contact) -> HttpResponse:
    if request.POST.get("typed", "").strip().casefold() != _word().casefold():
        return _asked(request, contact, wrong=True)
    try:
        erasure.ask(contact.pk, actor=pages.actor(request), via="office", now=clock.now())
    except Problem as problem:
        toasts.say(request, str(problem), tone="bad")
        return pages.go(request, "crm:contact", contact.pk)
    return pages.go(request, "crm:contact-erase", contact.pk)


def _word() -> str:
    return _("ERASE")


def _asked(request: HttpRequest, contact: Contact, *, wrong: bool = False) -> HttpResponse:
    known = directory.identifiers([contact.pk], full=pages.may(request, "contacts.write")).get(contact.pk, {})
    context = {
        "contact": contact,
        "name": directory.name_of(contact, known),
        "known": [value for value in known.values() if value],
        "plan": plan.of(contact.pk),
        "word": _word(),
        "wrong": wrong,
    }
    return render(request, "crm/rights/erase.html", context, status=422 if wrong else 200)


def _told(request: HttpRequest, contact: Contact, found: Erasure | None, status: int = 200) -> HttpResponse:
    context = {"erasure": found, "contact": contact, "public_id": publicids.encode("ctc", contact.pk)}
    return render(request, "crm/rights/erased.html", context, status=status)
