"""`/contacts/groups/`: households and companies, and who belongs to them."""

from __future__ import annotations

from typing import Final

from django.core import signing
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, directory, groups, pages, publicids, tables, toasts
from crm.errors import Problem
from crm.models import Contact, Group

SALT: Final = "crm.groups"
# How long a removal can be taken back, in seconds.
WHILE: Final = 24 * 60 * 60


@pages.page("office.read")
def page(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:120]
    rows = Group.objects.annotate(people=Count("groupmember"))
    if text:
        rows = rows.filter(key__startswith=groups.key(text))
    found = tables.page(rows, "-id", request.GET.get("cursor", ""))
    return render(request, "crm/groups/page.html", {"page": found, "q": text})


@pages.page("contacts.write", "POST")
def new(request: HttpRequest) -> HttpResponse:
    """A new group; from the page of a contact, who is its first member."""
    contact = publicids.decode("ctc", request.POST["contact"]) if request.POST.get("contact") else None
    try:
        row = groups.begin(
            request.POST.get("name", ""), request.POST.get("kind", ""), actor=pages.actor(request), now=clock.now()
        )
        if contact is not None and Contact.objects.filter(pk=contact, merged_into=None).exists():
            groups.join(row, [contact], actor=pages.actor(request), now=clock.now())
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
        return pages.go(request, "crm:contact", contact) if contact else pages.go(request, "crm:groups")
    return pages.go(request, "crm:group", row.pk)


@pages.page("office.read")
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    row = get_object_or_404(Group, pk=group_id)
    numbers = groups.members_of(row)
    found = Contact.objects.in_bulk(numbers)
    people = directory.people(
        [found[number] for number in numbers if number in found], full=pages.may(request, "contacts.write")
    )
    return render(request, "crm/groups/group.html", {"group": row, "people": people})


@pages.page("contacts.write", "POST")
def add(request: HttpRequest, group_id: int) -> HttpResponse:
    """Somebody by an e-mail, a phone, a card or a number of the shop."""
    row = get_object_or_404(Group, pk=group_id)
    found = directory.find(request.POST.get("who", "").strip()[:200], 2)
    if len(found) != 1:
        words = _("Nobody is known by this.") if not found else _("Several people fit: write the whole address.")
        toasts.say(request, words, tone="bad")
        return pages.go(request, "crm:group", row.pk)
    try:
        changed = groups.join(row, [found[0].pk], actor=pages.actor(request), now=clock.now())
        toasts.say(request, _("Saved.") if changed else _("Nothing to change."))
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
    return pages.go(request, "crm:group", row.pk)


@pages.page("contacts.write", "POST")
def take(request: HttpRequest, group_id: int, contact_id: int) -> HttpResponse:
    row = get_object_or_404(Group, pk=group_id)
    groups.leave(row, [contact_id], actor=pages.actor(request))
    toasts.say(request, _("They are not in “%(name)s” any more.") % {"name": row.name})
    return pages.go(request, "crm:group", row.pk)


@pages.page("contacts.write", "POST")
def rename(request: HttpRequest, group_id: int) -> HttpResponse:
    row = get_object_or_404(Group, pk=group_id)
    try:
        groups.rename(row, request.POST.get("name", ""), actor=pages.actor(request))
        toasts.say(request, _("Saved."))
    except Problem as problem:
        toasts.say(request, problem.detail, tone="bad")
    return pages.go(request, "crm:group", row.pk)


@pages.page("contacts.write", "POST")
def remove(request: HttpRequest, group_id: int) -> HttpResponse:
    row = get_object_or_404(Group, pk=group_id)
    told = {"name": row.name, "kind": row.kind, "people": groups.members_of(row)}
    groups.remove(row, actor=pages.actor(request))
    undo = reverse("crm:group-restore", args=[signing.dumps(told, salt=SALT, compress=True)])
    toasts.say(request, _("“%(name)s” is gone; its people stay.") % {"name": row.name}, undo=undo)
    return pages.go(request, "crm:groups")


@pages.page("contacts.write", "POST")
def restore(request: HttpRequest, token: str) -> HttpResponse:
    """A group that was removed, with who was in it; the button that leads here stands in a toast."""
    try:
        told = signing.loads(token, salt=SALT, max_age=WHILE)
    except signing.BadSignature as wrong:
        raise Http404 from wrong
    actor, now = pages.actor(request), clock.now()
    row = groups.begin(told["name"], told["kind"], actor=actor, now=now)
    people = Contact.objects.filter(pk__in=told["people"], merged_into=None).values_list("pk", flat=True)
    groups.join(row, list(people), actor=actor, now=now)
    toasts.say(request, _("“%(name)s” is back.") % {"name": row.name})
    return pages.go(request, "crm:group", row.pk)
