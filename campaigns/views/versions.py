"""What was published when and by whom; two of them side by side; one of them back as the draft."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import drafts, frame
from campaigns.models import Version
from campaigns.views import changes
from crm import clock, pages, publicids, toasts


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = frame.campaign_of(campaign_id)
    if "one" in request.GET:
        return _to_comparison(request, campaign_id)
    rows = list(Version.objects.filter(campaign=campaign).defer("contents").order_by("-number")[:100])
    names = frame.names(row.published_by for row in rows)
    older = {row.number: rows[place + 1].document for place, row in enumerate(rows[:-1])}
    shown = [
        {
            "version": row,
            "who": names.get(row.published_by, row.published_by),
            "changes": changes.listed(older.get(row.number), row.document)[:6],
            "is_draft": row.document == campaign.document,
        }
        for row in rows
    ]
    context = {**frame.around(request, campaign, "versions", clock.now()), "rows": shown}
    return render(request, "campaigns/review/versions.html", context)


def _to_comparison(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The form of the list asks by query; the comparison has an address of its own."""
    one, other = request.GET.get("one", ""), request.GET.get("other", "")
    first, second = publicids.number(one), publicids.number(other)
    if first is None or second is None:
        return redirect("campaigns:versions", campaign_id)
    return redirect(reverse("campaigns:compare", args=[campaign_id, *sorted((first, second))]))


@pages.page("campaigns.read")
def compare(request: HttpRequest, campaign_id: int, one: int, other: int) -> HttpResponse:
    """Version `one` and version `other`; 0 is the draft."""
    campaign = frame.campaign_of(campaign_id)
    documents = [
        campaign.document if number == 0 else get_object_or_404(Version, campaign=campaign, number=number).document
        for number in (one, other)
    ]
    context = {
        **frame.around(request, campaign, "versions", clock.now()),
        "one": one,
        "other": other,
        "changes": changes.listed(*documents),
    }
    return render(request, "campaigns/review/compare.html", context)


@pages.page("campaigns.write", "POST")
def restore(request: HttpRequest, campaign_id: int, number: int) -> HttpResponse:
    """A version's document as the draft; nothing that runs changes before it is published."""
    campaign = frame.campaign_of(campaign_id)
    version = get_object_or_404(Version, campaign=campaign, number=number)
    before = campaign.revision
    held = drafts.replace(campaign, version.document, revision=None, actor=pages.actor(request), now=clock.now())
    undo = reverse("campaigns:undo-restore", args=[campaign.pk, held.revision]) if held.revision != before else ""
    words = _("The draft is version %(number)s now. Publish it to let people come in by it.")
    toasts.say(request, words % {"number": number}, undo=undo)
    return pages.go(request, "campaigns:review", campaign.pk)


@pages.page("campaigns.write", "POST")
def undo_restore(request: HttpRequest, campaign_id: int, revision: int) -> HttpResponse:
    """Take it back, unless somebody has edited the draft since."""
    from_ = frame.campaign_of(campaign_id)
    if from_.revision != revision:
        toasts.say(request, _("The draft was edited meanwhile; undo it step by step in the journey."), tone="warn")
    else:
        drafts.undo(from_, revision=revision, actor=pages.actor(request), now=clock.now())
        toasts.say(request, _("The draft is as it was before."))
    return pages.go(request, "campaigns:versions", campaign_id)
