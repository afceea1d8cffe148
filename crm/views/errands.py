"""Tasks: what is open for somebody, added, ticked off and taken up again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, errands, pages, toasts
from crm.forms.errands import TaskForm
from crm.models import Contact, Task, User


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    """One's own tasks, as a page or as the card of Home."""
    return _mine(request)


@pages.page("office.read", "POST")
def add(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form, contact = TaskForm(request.POST, user=user, now=clock.now()), request.POST.get("contact", "")
    if not form.is_valid() and contact:
        toasts.say(request, _("A task needs words, a day and somebody to do it."), tone="bad")
        return HttpResponse(status=422, headers={"HX-Reswap": "none"})
    if not form.is_valid():
        return _mine(request, form)
    about = Contact.objects.filter(pk=int(contact)).first() if contact.isdecimal() else None
    errands.add(
        form.cleaned_data["title"], form.due_at(), assignee=form.cleaned_data["assignee"], made_by=user,
        actor=pages.actor(request), contact_id=about.pk if about else None,
    )  # fmt: skip
    if about:
        return pages.go(request, "crm:contact-notes", about.pk) if not pages.is_fragment(request) else _about(about.pk)
    return _mine(request) if pages.is_fragment(request) else pages.go(request, "home")


@pages.page("office.read", "POST")
def done(request: HttpRequest, number: int) -> HttpResponse:
    task = errands.tick(get_object_or_404(Task, pk=number), clock.now(), pages.actor(request))
    toasts.say(request, _("Done: %(task)s") % {"task": task}, undo=reverse("crm:task-open", args=[number]))
    return _after(request, task)


@pages.page("office.read", "POST")
def reopen(request: HttpRequest, number: int) -> HttpResponse:
    task = errands.untick(get_object_or_404(Task, pk=number), pages.actor(request))
    return _after(request, task)


def _after(request: HttpRequest, task: Task) -> HttpResponse:
    """Back to where it was ticked: the card of Home, or the contact it is about."""
    if not pages.is_fragment(request):
        return pages.go(request, "home")
    return _about(task.contact_id) if request.POST.get("about") and task.contact_id else _mine(request)


def _about(contact_id: int) -> HttpResponse:
    """The notes of a contact load themselves again."""
    return HttpResponse(status=204, headers={"HX-Trigger": "notes-changed"})


def _mine(request: HttpRequest, form: TaskForm | None = None) -> HttpResponse:
    user, now = _user(request), clock.now()
    context: dict[str, Any] = {
        "tasks": errands.open_of(user), "now": now, "ends": errands.end_of_day(now),
        "task_form": form or TaskForm(user=user, now=now),
    }  # fmt: skip
    template = "crm/errands/_mine.html" if pages.is_fragment(request) else "crm/errands/page.html"
    return render(request, template, context, status=422 if form else 200)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the door lets in nobody else
    return request.user
