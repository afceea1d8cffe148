"""The report of a campaign: where everybody is, what each step did, and whether it works."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from analytics import reports
from campaigns import frame, status
from campaigns.models import Campaign
from crm import clock, pages, publicids, tables


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponseBase:
    """As a page, or as CSV with `?format=csv`."""
    campaign = get_object_or_404(Campaign.objects.select_related("version"), pk=campaign_id)
    now = clock.now()
    report = reports.of(campaign, now)
    if request.GET.get("format") == "csv":
        return _file(campaign, report)
    return _page(request, campaign, report)


def _page(request: HttpRequest, campaign: Campaign, report: reports.Report) -> HttpResponse:
    known = status.facts([campaign.pk], clock.now())[campaign.pk]
    return render(request, "analytics/report/page.html", {
        "campaign": campaign,
        "status": status.of(campaign, known),
        "here": "report",
        "verbs": frame.verbs(request, campaign),
        "report": report,
        "at": clock.now(),
        "target": known.target,
        "verdict": VERDICTS[report.lift.verdict],
        "scale": reports.scale(report.lift),
    })  # fmt: skip


# The chip's words and tone; a verdict follows its interval.
VERDICTS: dict[str, dict[str, Any]] = {
    "works": {"tone": "ok", "icon": "circle-check"},
    "harms": {"tone": "bad", "icon": "alert-triangle"},
    "not_proven": {"tone": "", "icon": "scale"},
    "too_early": {"tone": "", "icon": "clock"},
}


def _file(campaign: Campaign, report: reports.Report) -> HttpResponseBase:
    """Every number with its name; the same words as on the page."""
    rows = [
        *((number, count) for number, count in reports.numbers(report)),
        *((f"{line.label}: {_(name)}", value) for line in report.steps for name, value in line.numbers()),
    ]
    name = f"report-{publicids.encode('cmp', campaign.pk)}"
    return tables.as_csv(name, [_("Number"), _("Value")], rows, lambda row: row)
