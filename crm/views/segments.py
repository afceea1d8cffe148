"""`/segments/`: the list, who is in, putting away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, directory, pages, publicids, tables, toasts
from crm.errors import Problem, Problems
from crm.models import Contact, Segment, SegmentMember
from crm.segments import counting, edit, fixed, sentence, uses

BATCH: Final = 1_000


@pages.page("segments.read")
def page(request: HttpRequest) -> HttpResponse:
    """The segments there are, the last changed first."""
    text, kind = request.GET.get("q", "").strip()[:200], request.GET.get("kind", "")
    shown = tables.page(_chosen(text, kind), "-updated_at", request.GET.get("cursor", ""))
    said = sentence.say_many([segment.taken_from or segment.rule for segment in shown.rows])
    used = uses.of([segment.pk for segment in shown.rows])
    rows = [
        {
            "segment": segment,
            "words": words,
            "fixed": fixed.is_fixed(segment),
            "built": segment.built_revision == segment.revision,
            "uses": [(use, uses.url_of(use)) for use in used[segment.pk]],
        }
        for segment, words in zip(shown.rows, said, strict=True)
    ]
    ids = ",".join(str(segment.pk) for segment in shown.rows)
    context = {"rows": rows, "page": shown, "text": text, "kind": kind, "filtered": bool(text or kind), "ids": ids}
    return render(request, "crm/segments/list.html", context)


def _chosen(text: str, kind: str) -> QuerySet[Segment]:
    found = Segment.objects.filter(archived_at__isnull=kind != "archived")
    if text:
        found = found.filter(name__icontains=text)
    if kind in ("live", "fixed"):
        found = found.filter(fixed_list__isnull=kind == "live")
    return found


@pages.page("segments.read")
def reach(request: HttpRequest) -> HttpResponse:
    """How many of each segment's people can be written to; asked for after the list has come."""
    numbers = [int(each) for each in request.GET.get("ids", "").split(",") if each.isdecimal() and len(each) < 19]
    rows = Segment.objects.filter(pk__in=numbers[: tables.A_PAGE], archived_at=None)
    counts = dict(rows.values_list("pk", "count"))
    found = counting.reach_of_segments(counts, clock.now())
    told = [(number, found.get(number)) for number in counts]
    return render(request, "crm/segments/_reach_of_list.html", {"told": told, "channels": counting.CHANNELS})


@pages.page("segments.write", "POST")
def archive(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id, archived_at=None)
    try:
        edit.archive(segment, actor=pages.actor(request), now=clock.now())
    except Problems:
        used = ", ".join(f"{use.kind} “{use.name}”" for use in uses.of([segment.pk])[segment.pk])
        said = _("“%(name)s” stays: it is used by %(uses)s. Change those first.")
        toasts.say(request, said % {"name": segment.name, "uses": used}, tone="bad")
        return pages.go(request, "crm:segment", segment.pk)
    undo = reverse("crm:segment-restore", args=[segment.pk])
    toasts.say(request, _("“%(name)s” is archived.") % {"name": segment.name}, undo=undo)
    return pages.go(request, "crm:segments")


@pages.page("segments.write", "POST")
def restore(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(Segment, pk=segment_id)
    try:
        edit.restore(segment, actor=pages.actor(request), now=clock.now())
        toasts.say(request, _("“%(name)s” is back.") % {"name": segment.name})
    except (Problem, Problems):
        toasts.say(request, _("It asks about a segment that is archived; bring that back first."), tone="bad")
    return pages.go(request, "crm:segments")


@pages.page("contacts.read")
def people(request: HttpRequest, segment_id: int) -> HttpResponseBase:
    """Who is in, as it was last kept up: as many rows as the number says."""
    segment = get_object_or_404(Segment, pk=segment_id)
    full = pages.may(request, "contacts.write")
    members = SegmentMember.objects.filter(segment=segment).select_related("contact")
    if request.GET.get("format") == "csv":
        heads = [_("Id"), _("Name"), _("E-mail"), _("Phone"), _("In since")]
        return tables.as_csv(publicids.encode("seg", segment.pk), heads, _everybody(members, full=full), _cells)
    shown = tables.page(members, "-contact_id", request.GET.get("cursor", ""))
    rows = _rows(shown.rows, full=full)
    return render(request, "crm/segments/people.html", {"segment": segment, "rows": rows, "page": shown})


def _rows(members: list[SegmentMember], *, full: bool) -> list[Any]:
    """(person, since) of each member."""
    contacts: list[Contact] = [member.contact for member in members]
    found = directory.people(contacts, full=full)
    return [(person, member.since) for person, member in zip(found, members, strict=True)]


def _everybody(members: QuerySet[SegmentMember], *, full: bool) -> Iterator[Any]:
    last: int | None = None
    while True:
        rows = members.order_by("contact_id")
        batch = list((rows if last is None else rows.filter(contact_id__gt=last))[:BATCH])
        yield from _rows(batch, full=full)
        if len(batch) < BATCH:
            return
        last = batch[-1].contact_id


def _cells(row: Any) -> list[Any]:
    person, since = row
    return [publicids.encode("ctc", person.contact.pk), person.name, person.email, person.phone, since.isoformat()]
