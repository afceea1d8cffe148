"""Notes and tasks about a contact: a fragment of their page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, errands, notes, pages, toasts
from crm.forms.errands import NoteForm, TaskForm
from crm.models import Contact, Note, User


@pages.page("contacts.read")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    return _shown(request, get_object_or_404(Contact, pk=contact_id))


@pages.page("contacts.write", "POST")
def add(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=contact_id, merged_into=None)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _shown(request, contact, form)
    notes.add(contact.pk, form.cleaned_data["text"], author=_user(request), actor=pages.actor(request), now=clock.now())
    return _after(request, contact)


@pages.page("contacts.write", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """By whoever wrote it."""
    note = get_object_or_404(Note, pk=number, removed_at=None, author=_user(request))
    form = NoteForm(request.POST)
    contact = get_object_or_404(Contact, pk=note.contact_id)
    if not form.is_valid():
        return _shown(request, contact, form)
    notes.edit(note, form.cleaned_data["text"], actor=pages.actor(request), now=clock.now())
    return _after(request, contact)


@pages.page("contacts.write", "POST")
def remove(request: HttpRequest, number: int) -> HttpResponse:
    note = get_object_or_404(Note, pk=number)
    notes.remove(note, actor=pages.actor(request), now=clock.now())
    toasts.say(request, _("The note is removed."), undo=reverse("crm:note-restore", args=[number]))
    return _after(request, get_object_or_404(Contact, pk=note.contact_id))


@pages.page("contacts.write", "POST")
def restore(request: HttpRequest, number: int) -> HttpResponse:
    note = get_object_or_404(Note, pk=number)
    notes.bring_back(note, actor=pages.actor(request))
    return _after(request, get_object_or_404(Contact, pk=note.contact_id))


def _after(request: HttpRequest, contact: Contact) -> HttpResponse:
    return _shown(request, contact) if pages.is_fragment(request) else pages.go(request, "crm:contact", contact.pk)


def _shown(request: HttpRequest, contact: Contact, form: NoteForm | None = None) -> HttpResponse:
    user, now = _user(request), clock.now()
    context = {
        "contact": contact, "notes": notes.about(contact.pk), "tasks": errands.about(contact.pk), "now": now,
        "ends": errands.end_of_day(now), "form": form or NoteForm(), "task_form": TaskForm(user=user, now=now),
    }  # fmt: skip
    template = "crm/notes/_notes.html" if pages.is_fragment(request) else "crm/notes/page.html"
    return render(request, template, context, status=422 if form else 200)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the door lets in nobody else
    return request.user
