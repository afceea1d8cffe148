"""What somebody may ask to be limited: their data is kept and not used, or they object to all marketing."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock, pages, profiling, toasts
from crm.errors import Problem
from crm.models import Contact, User
from crm.rights import objection, restriction

WHY: Final[dict[str, Promise]] = {
    "accuracy": gettext_lazy("They say it is not right, and we look into it"),
    "unlawful": gettext_lazy("We may not use it, and they do not want it erased"),
    "claims": gettext_lazy("They need it for a claim of theirs"),
    "objection": gettext_lazy("They object, and it is not decided yet"),
}
# How somebody told us that they object.
TOLD: Final[dict[str, tuple[str, Promise]]] = {
    "verbal_call": ("phone", gettext_lazy("On the phone")),
    "operator": ("office", gettext_lazy("In person or by message")),
    "paper_form": ("letter", gettext_lazy("By letter")),
}


@pages.page("rights.write", "POST")
def restrict(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Keep their data, and use it for nothing."""
    try:
        done = restriction.restrict(
            contact_id,
            why=request.POST.get("why", ""),
            words=request.POST.get("words", ""),
            actor=pages.actor(request),
            now=clock.now(),
        )
        toasts.say(request, _("Restricted. Nothing is sent to them, and nothing begins.") if done else _nothing())
    except Problem as wrong:
        toasts.say(request, _words(wrong), tone="bad")
    return pages.go(request, "crm:contact", contact_id)


@pages.page("rights.write", "POST")
def unrestrict(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Use it again; what was ended does not go on by itself."""
    try:
        done = restriction.lift(contact_id, actor=pages.actor(request), now=clock.now())
        toasts.say(request, _("In use again. What was ended does not begin by itself.") if done else _nothing())
    except Problem as wrong:
        toasts.say(request, _words(wrong), tone="bad")
    return pages.go(request, "crm:contact", contact_id)


@pages.page("rights.write", "POST")
def object_(request: HttpRequest, contact_id: int) -> HttpResponse:
    """All marketing and profiling stops, on every channel."""
    method = request.POST.get("method", "")
    place = TOLD[method][0] if method in TOLD else ""
    try:
        if not place:
            raise Problem("/method", "required", "Say how they told you.")
        made = objection.object_to_all(
            contact_id, method=method, source=place, actor=pages.actor(request), now=clock.now()
        )
        toasts.say(request, _("All marketing to them is stopped, on every channel.") if made else _nothing())
    except Problem as wrong:
        toasts.say(request, _words(wrong), tone="bad")
    return pages.go(request, "crm:contact", contact_id)


def shown(contact: Contact) -> dict[str, Any]:
    """What the page of a contact says about it: the banner, the choices, and why there is no stage."""
    told: dict[str, Any] = {
        "restriction_reasons": WHY,
        "objection_ways": {name: word for name, (_place, word) in TOLD.items()},
        "not_profiled": profiling.refused([contact.pk]).get(contact.pk),
    }
    if contact.restricted:
        found = restriction.of(contact.pk)
        told |= {"restriction": found, "restriction_why": WHY.get(found.why, ""), "restriction_by": _name(found.actor)}
    return told


def _name(actor: str) -> str:
    """Who did it, for the banner: a person by name, anything else as it is written."""
    kind, _colon, number = actor.partition(":")
    if kind != "user" or not number.isdigit():
        return actor
    return str(User.objects.filter(pk=int(number)).first() or actor)


def _nothing() -> str:
    return _("Nothing to change.")


def _words(wrong: Problem) -> str:
    known = {
        "/why": _("Say why."),
        "/method": _("Say how they told you."),
        "": _("This contact is not there any more."),
    }
    return known.get(wrong.pointer, str(wrong))
