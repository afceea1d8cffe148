"""One contact: who they are, what they allowed, what they did and were told, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm import (
    clock,
    directory,
    evidence_files,
    groups,
    history,
    lists,
    ownfields,
    pages,
    proofs,
    registry,
    tags,
    telling,
    territories,
    words,
    workspace,
)
from crm.display import CHANNELS
from crm.identity import claims
from crm.models import Contact, Erasure, Identifier
from crm.views import erase, limits

TABS: Final = ("timeline", "purchases", "messages", "notes")
KINDS: Final[dict[str, Promise]] = {
    "email": CHANNELS["email"][2],
    "sms": CHANNELS["sms"][2],
    "web": CHANNELS["web"][2],
    "store": CHANNELS["store"][2],
    "orders": _("Purchases"),
    "consent": _("Consent"),
}
# The ways up; falling silent is no step of it.
LADDER: Final = tuple(name for name in words.STAGES if name != "lapsed")


@pages.page("office.read")
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = _contact(contact_id)
    if contact.merged_into_id:
        return redirect("crm:contact", contact.merged_into_id)
    if contact.erased_at or Erasure.objects.filter(contact=contact.pk).exists():
        return erase.gone(request, contact)
    now, full = clock.now(), pages.may(request, "contacts.write")
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    known = directory.identifiers([contact.pk], full=full).get(contact.pk, {})
    context = {
        "contact": contact,
        "name": directory.name_of(contact, known),
        "known": known,
        "identifiers": _identifiers(contact.pk, full=full),
        "matrix": proofs.matrix(contact.pk, now, full=full),
        "tags": tags.of([contact.pk]).get(contact.pk, []),
        "all_tags": tags.every(),
        "groups": groups.of(contact.pk),
        "lists": lists.of(contact.pk),
        "all_lists": lists.every(),
        "own": _own(contact),
        "speaks": dict(territories.languages(get_language() or "en")).get(contact.language[:2], contact.language),
        "purchases": history.purchases(contact.pk, workspace.current().currency, now),
        "tab": tab,
        **_stage(contact.pk),
        **limits.shown(contact),
    }
    if tab == "timeline":
        context |= _timeline(request, contact)
    elif tab == "purchases":
        context["page"] = history.orders(contact.pk, request.GET.get("cursor", ""))
    return render(request, "crm/contacts/contact.html", context)


@pages.page("office.read")
def timeline(request: HttpRequest, contact_id: int) -> HttpResponse:
    """The timeline alone: by another chip, or older entries (`cursor`)."""
    context = _timeline(request, _contact(contact_id))
    older = bool(request.GET.get("cursor"))
    return render(request, "crm/contacts/_older.html" if older else "crm/contacts/_timeline.html", context)


@pages.page("office.read")
def consent(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Every receipt with its text, its evidence, and whether its chain is whole."""
    contact = _contact(contact_id)
    full = pages.may(request, "contacts.write")
    known = directory.identifiers([contact.pk], full=full).get(contact.pk, {})
    found = proofs.proofs(contact.pk, full=full)
    return render(request, "crm/contacts/consent.html", {
        "contact": contact,
        "name": directory.name_of(contact, known),
        "matrix": proofs.matrix(contact.pk, clock.now(), full=full),
        "proofs": found,
        "files": evidence_files.kept(contact.pk),
        "can_open": full,
        "whole": all(proof.whole for proof in found),
    })  # fmt: skip


def _contact(contact_id: int) -> Contact:
    found = Contact.objects.select_related("home_store").filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found


def _timeline(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    kind = kind if kind in history.KINDS else ""
    return {
        "contact": contact,
        "kind": kind,
        "kinds": KINDS,
        "today": timezone.localtime(clock.now()).date(),
        "timeline": history.timeline(contact.pk, kind, request.GET.get("cursor", "")),
        "after_day": parse_date(request.GET.get("day", "")) if request.GET.get("day", "").count("-") == 2 else None,
    }


def _own(contact: Contact) -> list[tuple[str, str]]:
    """The shop's own fields with a name people read; those that were defined first."""
    known = ownfields.known()
    defined = [(known[key].label, contact.fields[key]) for key in known if key in contact.fields]
    others = sorted((name, value) for name, value in contact.fields.items() if name not in known)
    return [(name, telling.plain(value)) for name, value in [*defined, *others]]


def _identifiers(contact_id: int, *, full: bool) -> Sequence[dict[str, Any]]:
    """What they are known by, the confirmed first; browsers are counted, not listed."""
    rows = list(Identifier.objects.filter(contact=contact_id).order_by("pk"))
    browsers = sum(1 for row in rows if row.kind == Identifier.Kind.ANONYMOUS_ID)
    order = {kind: place for place, kind in enumerate(directory.NAMED)}
    named = sorted(
        (row for row in rows if row.kind in order), key=lambda row: (order[row.kind], row.verified_at is None)
    )
    shown: list[dict[str, Any]] = [
        {
            "kind": row.kind,
            "value": row.value if full else directory.masked(row.kind, row.value),
            "verified_at": row.verified_at,
            "shared": not row.identifying and not claims.is_one(row),
            "claimed": claims.is_one(row),
        }
        for row in named
    ]
    return [*shown, {"kind": "anonymous_id", "count": browsers}] if browsers else shown


def _stage(contact_id: int) -> dict[str, Any]:
    """The stage and how far up the ladder it is."""
    ask = registry.contact_fields.get("stage")
    name = str(ask([contact_id]).get(contact_id) or "") if ask else ""
    place = LADDER.index(name) if name in LADDER else -1
    steps = [(telling.stage(each), index <= place, index == place) for index, each in enumerate(LADDER)]
    after = telling.stage(LADDER[place + 1]) if 0 <= place < len(LADDER) - 1 else ""
    return {"stage": name, "stage_word": telling.stage(name) if name else "", "ladder": steps, "stage_next": after}
