"""`/store/enrol/`: somebody becomes a customer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import orjson
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from crm import clock, till_pages, workspace
from crm.errors import Problem, Problems
from crm.models import TillEntry
from crm.rest import limits
from crm.till import aloud, countries, deciding, enrolling

# Looks for somebody alike, by one till in a minute: more than a queue needs, too few to go through a customer base.
HINTS: Final = 20
SPOKEN: Final = {"ES": "es", "MX": "es", "AR": "es", "CO": "es", "CL": "es", "RU": "ru", "GB": "en", "US": "en"}


@till_pages.screen("GET", permission="contacts.write")
def page(request: till_pages.TillRequest) -> HttpResponseBase:
    desk = request.desk
    country = desk.store.country or workspace.current().country
    texts = aloud.texts(country)
    mine = translation.get_language() or "en"
    first = _first(mine, country)
    return render(request, "store/enrol.html", {
        "desk": desk, "place": "enrol", "channels": _channels(), "country": country,
        "countries": countries.listed(country, mine), "domains": countries.domains(country),
        "texts": _plain(texts),
        "languages": [(code, code.upper()) for code in aloud.LANGUAGES], "first": first, "aloud": texts[first],
        "said": _said(),
    })  # fmt: skip


@till_pages.screen("POST", permission="contacts.write")
def hint(request: till_pages.TillRequest) -> HttpResponseBase:
    """Whom what was typed may be; masked."""
    if limits.count(f"till-hint:{request.desk.device.pk}", HINTS).exceeded:
        return JsonResponse({"code": "slow_down"}, status=429)
    typed = _json(request)
    found, elsewhere = enrolling.alike(request.desk.store, typed)
    return JsonResponse({
        "people": [{"id": each.public_id, "words": each.words} for each in found], "elsewhere": elsewhere,
    })  # fmt: skip


@till_pages.screen("GET", permission="contacts.write")
def decisions(request: till_pages.TillRequest) -> HttpResponseBase:
    """Enrolments that named two people, or somebody who is said to be another one."""
    context = {"desk": request.desk, "place": "", "waiting": deciding.listed(request.desk.store)}
    return render(request, "store/decisions.html", context)


@till_pages.screen("POST", permission="contacts.write")
def decide(request: till_pages.TillRequest, number: int) -> HttpResponseBase:
    """`link` (to a customer) or `both` (keep what is theirs alone) or `drop`."""
    entry = get_object_or_404(TillEntry, pk=number, store=request.desk.store, state=TillEntry.State.WAITING)
    wrong = ""
    try:
        deciding.decide(request.desk, entry, request.POST.get("how", ""), request.POST.get("to", ""), now=clock.now())
    except (Problem, Problems) as refused:
        wrong = _why(refused)
    if wrong:
        context = {"desk": request.desk, "place": "", "waiting": deciding.listed(request.desk.store), "wrong": wrong}
        return render(request, "store/decisions.html", context, status=422)
    return redirect("crm:till-decisions")


def _channels() -> list[tuple[str, str, str]]:
    return [
        ("email", _("Email"), "mail"), ("whatsapp", _("WhatsApp"), "brand-whatsapp"), ("sms", _("SMS"), "message"),
        ("call", _("Phone call"), "phone-call"),
    ]  # fmt: skip


def _plain(texts: dict[str, dict[str, aloud.Text]]) -> dict[str, Any]:
    return {language: {purpose: asdict(text) for purpose, text in each.items()} for language, each in texts.items()}


def _said() -> dict[str, str]:
    """What the page says by itself."""
    return {
        "enrol": _("Enrol"), "enrolName": _("Enrol %s"), "isIn": _("%s is in."), "somebody": _("The customer"),
        "card": _("Card"), "kept": _("Kept here. It is sent when the network is back."),
        "waits": _("They get a message: offers begin with their yes."), "later": _("%s is written down."),
        "decide": _("Two people may be meant. It waits under To decide."),
        "already": _("Already a customer:"), "elsewhere": _("Already a customer of another store."),
        "same": _("It is them"), "same_card": _("It is them: link the card"), "turn": _("Customer types"),
        "back": _("Hand it back"), "later_send": _("Save, send when online"),
        "linked": _("What you typed is added to them."), "scanned": _("Scanned."), "typo": _("%s?"),
        "misread": _("The card was not read well. Scan it again."),
        "required": _("A card, a phone or an e-mail is needed: one is enough."),
        "no_address": _("They said yes to a channel without an address: type it, or take the tick away."),
        "not_a_phone": _("This is no phone number: check its country and its digits."),
        "not_an_email": _("This is no e-mail address: it has an @ and a domain, as in ana@gmail.com."),
        "no_such_wording": _("The text has changed. Load the page anew and read it again."),
        "not_found": _("This customer is not one of this store."), "too_long": _("This is too long."),
        "erased": _("They asked to be erased after this was typed. Enrol them anew when they are here."),
    }  # fmt: skip


def _why(refused: Problem | Problems) -> str:
    """Why it could not be decided so, in words."""
    codes = {each.code for each in (refused.problems if isinstance(refused, Problems) else [refused])}
    if "required" in codes:
        return _("Nothing of it is theirs alone. Link it to the customer, or drop it.")
    if "two" in codes:
        return _("This still belongs to two people. A manager joins them in the office first.")
    return _("This could not be done. Load the page anew and look again.")


def _first(language: str, country: str) -> str:
    """In which language the text is shown first: that of the country, where it is one of ours."""
    found = SPOKEN.get(country, language[:2])
    return found if found in aloud.LANGUAGES else "en"


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        said = orjson.loads(request.body[:8_192])
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
