"""`/settings/team/`: who works here, invitations, roles, and the end of somebody's access."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, invitations, letters, pages, team, toasts
from crm.errors import Problem
from crm.forms.people import ROLE_HELP, InviteForm, RolesForm
from crm.models import User

ROOM = "users.write"


@pages.page(ROOM)
def page(request: HttpRequest) -> HttpResponse:
    people = User.objects.prefetch_related("memberships__store").order_by("-is_active", "name", "email")
    waiting = invitations.waiting().select_related("store", "invited_by").order_by("-created_at")
    return render(request, "crm/settings/team/page.html", {
        "people": people, "invitations": waiting, "real": clock.real(),
    })  # fmt: skip


@pages.page(ROOM, "GET", "POST")
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            sent = invitations.invite(form.cleaned_data["email"], form.post(), _me(request), clock.real())
        except Problem as problem:
            form.add_error("email", problem.detail)
        else:
            return _invited(request, sent)
    context = {"form": form, "roles": [(role.label, words) for role, words in ROLE_HELP.items()]}
    return render(request, "crm/settings/team/invite.html", context, status=422 if form.is_bound else 200)


@pages.page(ROOM, "POST")
def again(request: HttpRequest, number: int) -> HttpResponse:
    sent = invitations.again(number, pages.actor(request), clock.real())
    if sent is None:
        toasts.say(request, _("This invitation is not open any more."), tone="warn")
        return pages.go(request, "crm:team")
    return _invited(request, sent)


@pages.page(ROOM, "POST")
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    gone = invitations.revoke(number, pages.actor(request), clock.real())
    if gone:
        toasts.say(request, _("The invitation of %(email)s has ended.") % {"email": gone.email})
    return pages.go(request, "crm:team")


@pages.page(ROOM, "GET", "POST")
def member(request: HttpRequest, user_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=user_id)
    form = RolesForm(
        request.POST if request.method == "POST" else None, posts=person.memberships.values_list("role", "store_id")
    )
    if request.method == "POST" and form.is_valid():
        try:
            team.assign(user_id, form.posts(), pages.actor(request))
        except Problem as problem:
            form.add_error("roles", problem.detail)
        else:
            toasts.say(request, _("Saved. It holds from the next click."))
            return pages.go(request, "crm:team")
    return _member(request, person, form, 422 if form.is_bound else 200)


@pages.page(ROOM, "POST")
def deactivate(request: HttpRequest, user_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=user_id)
    try:
        team.deactivate(user_id, pages.actor(request))
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "crm:member", user_id)
    undo = reverse("crm:reactivate", args=[user_id])
    toasts.say(request, _("%(person)s cannot log in any more.") % {"person": person}, undo=undo)
    return pages.go(request, "crm:member", user_id)


@pages.page(ROOM, "POST")
def reactivate(request: HttpRequest, user_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=user_id)
    team.reactivate(user_id, pages.actor(request))
    toasts.say(request, _("%(person)s can log in again.") % {"person": person})
    return pages.go(request, "crm:member", user_id)


def _member(request: HttpRequest, person: User, form: RolesForm, status: int) -> HttpResponse:
    context = {"person": person, "form": form, "keys": list(team.keys_of(person)), "me": person.pk == request.user.pk}
    return render(request, "crm/settings/team/member.html", context, status=status)


def _invited(request: HttpRequest, sent: invitations.Sent) -> HttpResponse:
    """Shown in answer to the POST alone: the link is nowhere to be read again."""
    url = settings.BASE_URL + reverse("crm:join", args=[sent.token])
    left = letters.invite(sent.invitation, url, _me(request))
    context = {"invitation": sent.invitation, "url": url, "left": left}
    response = render(request, "crm/settings/team/invited.html", context)
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `pages.page` lets nobody else in
    return request.user
