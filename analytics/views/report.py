"""The report of a campaign: where everybody is, what each step did, and whether it works."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from analytics import reports
from campaigns import frame
from campaigns.models import Campaign
from crm import clock, pages, publicids, tables


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponseBase:
    """As a page, or as CSV with `?format=csv`."""
    campaign = frame.campaign_of(campaign_id)
    now = clock.now()
    report = reports.of(campaign, now)
    if request.GET.get("format") == "csv":
        return _file(campaign, report)
    around = frame.around(request, campaign, "report", now)
    context = {
        "report": report,
        "at": now,
        "target": around["known"].target,
        "verdict": VERDICTS[report.lift.verdict],
        "scale": reports.scale(report.lift),
    }
    return render(request, "analytics/report/page.html", around | context)


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
