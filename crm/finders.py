"""What the search of the top bar finds on this floor: people and segments."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from crm import directory, finding
from crm.finding import Hit
from crm.models import Segment


def people(text: str, permissions: frozenset[str], limit: int) -> list[Hit]:
    """By a whole identifier or part of a name; the line below says their main address."""
    if "office.read" not in permissions:
        return []
    contacts = directory.find(text, limit)
    known = directory.identifiers([contact.pk for contact in contacts], full="contacts.write" in permissions)
    hits = []
    for contact in contacts:
        mine = known.get(contact.pk, {})
        title = directory.name_of(contact, mine) or _("Visitor without a name")
        detail = mine.get("email") or mine.get("phone") or mine.get("card") or ""
        url = reverse("crm:contact", args=[contact.pk])
        hits.append(Hit(_("Contacts"), title, url, "user", detail if detail != title else ""))
    return hits


def segments(text: str, permissions: frozenset[str], limit: int) -> list[Hit]:
    """By part of the name."""
    if "segments.read" not in permissions:
        return []
    rows = Segment.objects.filter(archived_at=None, name__icontains=text).order_by("name", "pk")
    return [
        Hit(_("Segments"), name, reverse("crm:segment", args=[number]), "filter")
        for number, name in rows.values_list("pk", "name")[:limit]
    ]


finding.finders.add("crm.people", people, order=10)
finding.finders.add("crm.segments", segments, order=30)
