"""`/store/find/` and `/store/purchase/`: a customer is found, asked, put right, and buys."""

from __future__ import annotations

from typing import Any

from django.http import Http404, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm import clock, publicids, till_pages, workspace
from crm.models import Contact
from crm.models import Order as Purchase
from crm.till import aloud, consents, corrections, countries, entries, people, purchases


@till_pages.screen("GET")
def find(request: till_pages.TillRequest) -> HttpResponseBase:
    """One box. With an answer, only its list when a fragment is asked."""
    desk, text = request.desk, request.GET.get("q", "").strip()[:120]
    found = people.find(desk.store, text)
    if request.GET.get("scan") and len(found.people) == 1:
        return redirect("crm:till-person", found.people[0].id)
    part = request.headers.get("HX-Request") == "true"
    context = {"desk": desk, "place": "find", "q": text, "found": found, "key": entries.new_key()}
    return render(request, "store/_found.html" if part else "store/find.html", context)


@till_pages.screen("POST", permission="contacts.write")
def serve(request: till_pages.TillRequest) -> HttpResponseBase:
    """A customer of another store is served here."""
    answer = _take(request, "served", {"text": request.POST.get("text", "")[:120]})
    if answer["state"] != "done":
        return redirect(reverse("crm:till-find"))
    return redirect("crm:till-person", publicids.decode("ctc", answer["answer"]["contact"]))


@till_pages.screen("GET")
def person(request: till_pages.TillRequest, contact_id: int) -> HttpResponseBase:
    return _person(request, contact_id)


@till_pages.screen("POST", permission="consents.write")
def consent(request: till_pages.TillRequest, contact_id: int) -> HttpResponseBase:
    """A no, or a yes with the text that was read."""
    body: dict[str, Any] = {
        "contact": publicids.encode("ctc", contact_id), "purpose": request.POST.get("purpose", "offers"),
        "channel": request.POST.get("channel", ""), "yes": request.POST.get("yes") == "1",
    }  # fmt: skip
    if body["yes"]:
        body["wording"] = request.POST.get("wording", "")
    answer = _take(request, "consent", body)
    if answer["state"] != "done":
        return _person(request, contact_id, wrong=_words(answer), code=422, opened="consent")
    waiting = "waiting" in answer["answer"].get("states", {}).values()
    said = _("Noted. We wait for their yes at that address.") if waiting else _("Noted. It counts from now on.")
    return _person(request, contact_id, said=said, opened="consent")


@till_pages.screen("POST", permission="contacts.write")
def correct(request: till_pages.TillRequest, contact_id: int) -> HttpResponseBase:
    body = {name: request.POST.get(name, "")[:320] for name in ("kind", "value", "country", "reason")}
    answer = _take(request, "correct", {**body, "contact": publicids.encode("ctc", contact_id)})
    if answer["state"] != "done":
        return _person(request, contact_id, wrong=_words(answer), code=422, opened="correct", typed=body)
    return _person(request, contact_id, said=_("Corrected. Offers go there once they say yes again."))


@till_pages.screen("GET", permission="orders.write")
def purchase(request: till_pages.TillRequest) -> HttpResponseBase:
    """The keypad. It works without network too: then the customer is the card that was scanned."""
    desk = request.desk
    number = publicids.number(request.GET.get("customer", ""))
    customer = people.one(desk.store, number) if number else None
    context = {
        "desk": desk, "place": "purchase", "currency": workspace.current().currency,
        "customer": people.customers([customer])[0] if customer and not customer.restricted else None,
        "large": str(purchases.LARGE), "said": _said(),
    }  # fmt: skip
    return render(request, "store/purchase.html", context)


@till_pages.screen("GET", permission="orders.write")
def product(request: till_pages.TillRequest) -> HttpResponseBase:
    """What the catalogue says of an article number or a bar code: `{"product": {"sku", "name", "price"} | null}`."""
    known = purchases.product(request.GET.get("code", "")[:80], workspace.current().currency)
    return JsonResponse({"product": known})


@till_pages.screen("GET", permission="orders.read")
def recent(request: till_pages.TillRequest) -> HttpResponseBase:
    """The last purchases of this till, for a void."""
    desk = request.desk
    rows = purchases.recent(desk.store, desk.device.pk, clock.now())
    return render(request, "store/_recent.html", {"desk": desk, "rows": rows})


def _person(
    request: till_pages.TillRequest, contact_id: int, *, said: str = "", wrong: str = "", code: int = 200,
    opened: str = "", typed: dict[str, str] | None = None,
) -> HttpResponseBase:  # fmt: skip
    desk = request.desk
    found = people.one(desk.store, contact_id)
    if found is None:
        raise Http404
    if found.restricted:
        context: dict[str, Any] = {"desk": desk, "place": "find", "restricted": True}
        return render(request, "store/person.html", context)
    country = desk.store.country or workspace.current().country
    context = {
        "desk": desk, "place": "find", "customer": people.customers([found])[0], "answers": consents.of(found.pk),
        "last": _last(found), "said": said,
        "wrong": wrong, "opened": opened, "typed": typed or {}, "country": country, "key": entries.new_key(),
        "countries": countries.listed(country, translation.get_language() or "en"), "reasons": _reasons(),
        "read": _read(aloud.texts(country), found.language[:2]),
    }  # fmt: skip
    return render(request, "store/person.html", context, status=code)


def _read(texts: dict[str, dict[str, aloud.Text]], theirs: str) -> dict[str, list[dict[str, Any]]]:
    """By purpose: the text in each language, theirs chosen."""
    chosen = theirs if theirs in texts else next(iter(texts))
    return {
        purpose: [
            {"language": language, "code": each[purpose].code, "text": each[purpose].text, "first": language == chosen}
            for language, each in texts.items()
        ]
        for purpose in aloud.PURPOSES
    }


def _said() -> dict[str, str]:
    return {
        "scanned": _("Scanned."), "misread": _("The card was not read well. Scan it again."),
        "registered": _("%s registered."), "kept": _("Kept here. It is sent when the network is back."),
        "required": _("Say who buys: scan the card, or find them."),
        "not_found": _("Nobody is known by this. Enrol them first, or look for them."),
        "not_a_number": _("Type the amount, as in 42.50."), "not_positive": _("An amount is more than nothing."),
        "too_fine": _("An amount has two decimals at most."), "too_much": _("This is no purchase of a till."),
        "large": _("This is a lot: is it right?"),
        "too_late": _("A purchase can be voided for 10 minutes; after that a manager refunds it."),
    }  # fmt: skip


def _last(contact: Contact) -> Any:
    return (
        Purchase.objects.filter(contact=contact).order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    )


def _reasons() -> list[tuple[str, str]]:
    names = {"typo": _("It was mistyped"), "moved": _("They have a new one"),
             "wrong_person": _("It is not theirs"), "other": _("Another reason")}  # fmt: skip
    return [(code, names[code]) for code in corrections.REASONS]


def _take(request: till_pages.TillRequest, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Through the door of all tills; the key stands in the form, so that sending it twice is doing it once."""
    now = clock.now()
    key = request.POST.get("key", "")
    entry = {"id": key, "kind": kind, "at": now.isoformat(), "pass": request.desk.pass_, "body": body}
    return entries.take(request.desk.device, [entry], now=now)[0]


def _words(answer: dict[str, Any]) -> str:
    told = {
        "taken": _("Somebody else is known by this. Ask a manager to look at both."),
        "not_found": _("This customer is not one of this store."),
        "restricted": _("Ask your manager: this person's data is restricted."),
        "no_such_wording": _("This text is not kept here. Load the page anew and read it again."),
    }
    return " ".join(told.get(each["code"], each["detail"]) for each in answer["problems"])
