"""`/contacts/<ctc>/merge/`: two contacts become one, field by field; how a contact was joined, and taking it back."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import clock, directory, duplicates, pages, publicids, statements, telling, toasts
from crm.display import CHANNELS
from crm.errors import Problem
from crm.identity import merging, preview
from crm.models import Contact, Store, User

WORDS: Final = {
    "given_name": gettext_lazy("First name"),
    "family_name": gettext_lazy("Last name"),
    "language": gettext_lazy("Language"),
    "timezone": gettext_lazy("Time zone"),
    "country": gettext_lazy("Country"),
    "region": gettext_lazy("Region"),
    "city": gettext_lazy("City"),
    "postal_code": gettext_lazy("Postal code"),
    "birth_date": gettext_lazy("Birth date"),
    "home_store_id": gettext_lazy("Home store"),
}
COUNTS: Final = {
    "crm_order": gettext_lazy("Purchases"),
    "crm_event": gettext_lazy("Events"),
    "channels_message": gettext_lazy("Messages"),
    "campaigns_enrolment": gettext_lazy("Times in a campaign"),
    "crm_cart": gettext_lazy("Carts"),
    "crm_contacttag": gettext_lazy("Tags"),
    "crm_listmember": gettext_lazy("Lists"),
    "crm_groupmember": gettext_lazy("Households and companies"),
    "crm_note": gettext_lazy("Notes"),
    "crm_task": gettext_lazy("Tasks"),
}
REFUSED: Final = {
    "same_contact": gettext_lazy("This is one contact already."),
    "no_such_contact": gettext_lazy("One of the two is not there any more, or was merged already."),
    "undone": gettext_lazy("This was undone already."),
    "too_late": gettext_lazy("A merge can be undone for 30 days."),
    "restricted": gettext_lazy("One of the two is restricted: kept, and not used. Use them again first."),
    "later_first": gettext_lazy("Another merge came after it: undo that one first."),
}


@pages.page("contacts.write", "GET", "POST")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=contact_id)
    if contact.merged_into_id:
        return redirect("crm:merge", contact.merged_into_id)
    other = _other(request, contact)
    if other is None:
        return render(request, "crm/merge/choose.html", _candidates(request, contact))
    if request.method == "POST":
        return _merged(request, contact, other)
    return render(request, "crm/merge/page.html", _columns(contact, other))


def _merged(request: HttpRequest, winner: Contact, loser: Contact) -> HttpResponse:
    names = [each.name for each in preview.choices(winner, loser)]
    picks = {name: request.POST[f"pick.{name}"] for name in names if f"pick.{name}" in request.POST}
    try:
        number = merging.merge(winner.pk, loser.pk, picks, actor=pages.actor(request), now=clock.now())
    except Problem as problem:
        toasts.say(request, str(REFUSED.get(problem.code, problem.detail)), tone="bad")
        return pages.go(request, "crm:contact", winner.pk)
    toasts.say(request, _("They are one contact now."), undo=reverse("crm:merge-undo", args=[number]))
    return pages.go(request, "crm:contact", winner.pk)


@pages.page("contacts.write", "POST")
def undo(request: HttpRequest, number: int) -> HttpResponse:
    found = merging.get(number)
    if found is None:
        raise Http404
    try:
        merging.undo(number, actor=pages.actor(request), now=clock.now())
        toasts.say(request, _("They are two contacts again."))
    except Problem as problem:
        toasts.say(request, str(REFUSED.get(problem.code, problem.detail)), tone="bad")
    return pages.go(request, "crm:contact", found.winner_id)


@pages.page("office.read")
def joins(request: HttpRequest, contact_id: int) -> HttpResponse:
    """How this contact was joined: a part of its page."""
    now = clock.now()
    found = merging.of(contact_id)
    numbers = {each.actor.removeprefix("user:") for each in found}
    names = {f"user:{user.pk}": user.name for user in User.objects.filter(pk__in=[n for n in numbers if n.isdigit()])}
    rows = [(each, names.get(each.actor, ""), each.can_undo(now)) for each in found]
    return render(request, "crm/merge/_joins.html", {"joins": rows})


def _other(request: HttpRequest, contact: Contact) -> Contact | None:
    """The one to be merged in, by its id (`with`)."""
    text = request.POST.get("with") or request.GET.get("with", "")
    if not text:
        return None
    try:
        number = publicids.decode("ctc", text)
    except Problem as wrong:
        raise Http404 from wrong
    found = get_object_or_404(Contact, pk=number)
    if found.pk == contact.pk or found.merged_into_id:
        raise Http404
    return found


def _candidates(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    """Who may be meant: pairs that were found, or whom a search finds."""
    text = request.GET.get("q", "").strip()[:200]
    found = [each for each in directory.find(text, 8) if each.pk != contact.pk] if text else []
    pairs = {} if text else duplicates.open_of(contact.pk)
    if pairs:
        found = list(Contact.objects.filter(pk__in=pairs, merged_into=None))
    people = directory.people(found, full=True)
    known = directory.identifiers([contact.pk], full=True).get(contact.pk, {})
    return {
        "contact": contact, "name": directory.name_of(contact, known), "q": text,
        "people": [(person, duplicates.words(pairs.get(person.contact.pk, []))) for person in people],
    }  # fmt: skip


def _columns(winner: Contact, loser: Contact) -> dict[str, Any]:
    known = directory.identifiers([winner.pk, loser.pk], full=True)
    stores = dict(Store.objects.filter(pk__in=[each.home_store_id for each in (winner, loser) if each.home_store_id])
                  .values_list("pk", "name"))  # fmt: skip
    counted = preview.counts([winner.pk, loser.pk])

    def shown(name: str, value: Any) -> str:
        return stores.get(value, "") if name == "home_store_id" else telling.plain(value) if value is not None else ""

    return {
        "contact": winner, "other": loser,
        "name": directory.name_of(winner, known.get(winner.pk, {})),
        "other_name": directory.name_of(loser, known.get(loser.pk, {})),
        "sides": [(winner, known.get(winner.pk, {})), (loser, known.get(loser.pk, {}))],
        "choices": [
            (each, WORDS.get(each.name, each.name.removeprefix("fields.")), shown(each.name, each.mine),
             shown(each.name, each.theirs))
            for each in preview.choices(winner, loser)
        ],
        "permissions": [
            (each, statements.PURPOSES.get(each.purpose, each.purpose), CHANNELS[each.channel][2],
             *(_state(state) for state in (each.mine, each.theirs, each.after)))
            for each in preview.permissions(winner.pk, loser.pk)
        ],
        "counts": [
            (COUNTS[table], numbers[winner.pk], numbers[loser.pk]) for table, numbers in counted.items()
            if numbers[winner.pk] or numbers[loser.pk]
        ],
    }  # fmt: skip


STATES: Final = {
    "granted": gettext_lazy("Yes"),
    "soft": gettext_lazy("Yes, as a customer"),
    "refused": gettext_lazy("No"),
    "withdrawn": gettext_lazy("No"),
    "requested": gettext_lazy("Asked"),
    "granted_unconfirmed": gettext_lazy("Not confirmed"),
    "expired": gettext_lazy("Expired"),
    "paused": gettext_lazy("Paused"),
}


def _state(state: str) -> tuple[str, str]:
    tone = {"granted": "ok", "soft": "ok", "refused": "bad", "withdrawn": "bad", "": ""}.get(state, "warn")
    return str(STATES.get(state, "–")), tone
