"""The report of a campaign: where everybody is, what each step did, and whether it works."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from analytics import definitions, reports
from campaigns import cohorts, frame
from campaigns.cohorts import Cohort
from campaigns.models import Campaign, Version
from crm import clock, pages, publicids, tables
from crm.errors import Problem

MOST_VERSIONS: Final = 100


@pages.page("campaigns.read")
def page(request: HttpRequest, campaign_id: int) -> HttpResponseBase:
    """`?period=`, `?from=&until=`, `?version=`: see `campaigns.cohorts`. As CSV with `?format=csv`."""
    campaign = frame.campaign_of(campaign_id)
    now = clock.now()
    cohort, problem = _asked(request, campaign, now)
    report = reports.of(campaign, now, cohort)
    if request.GET.get("format") == "csv":
        return _file(campaign, report)
    around = frame.around(request, campaign, "report", now)
    context = {
        "report": report,
        "at": now,
        "behind": urlencode(cohort.query),
        "filters": _filters(request, campaign, cohort) | {"problem": problem},
        "definitions": definitions.REPORT,
        "cohort_means": reports.means(cohort, now),
        "target": around["known"].target if cohort.is_everything else None,
        "verdict": reports.VERDICTS[report.lift.verdict],
        "scale": reports.scale(report.lift),
    }
    return render(request, "analytics/report/page.html", around | context)


def _asked(request: HttpRequest, campaign: Campaign, now: datetime) -> tuple[Cohort, str]:
    """What is asked for, or everybody and what is wrong with the question."""
    try:
        return cohorts.asked(campaign, request.GET, now), ""
    except Problem as problem:
        return cohorts.EVERYBODY, str(problem.detail)


def _filters(request: HttpRequest, campaign: Campaign, cohort: Cohort) -> dict[str, Any]:
    """The form as it was sent, with what one can choose."""
    period = request.GET.get("period", "")
    if period not in cohorts.PERIODS:
        period = cohorts.DATES if cohort.first or cohort.last else cohorts.ALL
    versions = Version.objects.filter(campaign=campaign).order_by("-number").values("number", "published_at")
    return {
        "periods": cohorts.PERIODS,
        "period": period,
        "from": cohort.first.isoformat() if cohort.first else request.GET.get("from", ""),
        "until": cohort.last.isoformat() if cohort.last else request.GET.get("until", ""),
        "versions": list(versions[:MOST_VERSIONS]),
        "version": cohort.number,
    }


def _file(campaign: Campaign, report: reports.Report) -> HttpResponseBase:
    """Every number with its name, and of whom; the same words as on the page."""
    rows = [*_of_whom(report.cohort), *reports.numbers(report)]
    rows += [(f"{line.label}: {_(name)}", value) for line in report.steps for name, value in line.numbers()]
    name = f"report-{publicids.encode('cmp', campaign.pk)}"
    return tables.as_csv(name, [_("Number"), _("Value")], rows, lambda row: row)


def _of_whom(cohort: Cohort) -> Iterable[tuple[str, Any]]:
    if cohort.first:
        yield _("Entered from"), cohort.first.isoformat()
    if cohort.last:
        yield _("Entered until"), cohort.last.isoformat()
    if cohort.number is not None:
        yield _("Version"), cohort.number
