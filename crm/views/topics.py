"""`/settings/topics/`: what campaigns can be about, and people can do without."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, pages, toasts, topics
from crm.errors import Problem
from crm.forms.topics import TopicForm
from crm.models import Topic


@pages.page("workspace.write")
def page(request: HttpRequest) -> HttpResponse:
    away = Topic.objects.exclude(archived_at=None).order_by("pk")[: topics.MOST]
    return render(request, "crm/settings/topics/page.html", {"topics": topics.every(), "away": away})


@pages.page("workspace.write", "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@pages.page("workspace.write", "GET", "POST")
def edit(request: HttpRequest, number: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Topic, pk=number))


@pages.page("workspace.write", "POST")
def archive(request: HttpRequest, number: int) -> HttpResponse:
    """No longer offered, or again (`on`)."""
    on = bool(request.POST.get("on") or request.GET.get("on"))
    get_object_or_404(Topic, pk=number)
    row = topics.archive(number, None if on else clock.now(), actor=pages.actor(request))
    undo = "" if on else reverse("crm:topic-archive", args=[number]) + "?on=1"
    words = _("“%(name)s” is back.") if on else _("“%(name)s” is archived.")
    toasts.say(request, words % {"name": topics.name(row)}, undo=undo)
    return pages.go(request, "crm:topics")


def _edit(request: HttpRequest, topic: Topic | None) -> HttpResponse:
    form = TopicForm(request.POST if request.method == "POST" else None, topic=topic)
    if request.method == "POST" and form.is_valid():
        try:
            if topic is None:
                topics.add(form.cleaned_data["key"], form.names(), actor=pages.actor(request))
            else:
                topics.rename(topic.pk, form.names(), actor=pages.actor(request))
        except Problem as problem:
            name = problem.pointer.strip("/")
            form.add_error(name if name in form.fields else None, problem.detail)
        else:
            toasts.say(request, _("Saved."))
            return pages.go(request, "crm:topics")
    context = {"form": form, "topic": topic}
    return render(request, "crm/settings/topics/edit.html", context, status=422 if form.is_bound else 200)
