"""The report of a campaign: the numbers of its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import reports
from analytics.api import shapes
from analytics.reports import Report
from campaigns import cohorts, rest
from campaigns.models import Campaign
from crm import clock, publicids, reasons, workspace
from crm.rest import fields
from crm.rest.endpoint import Endpoint

CONFIDENCE: Final = 0.95


class ReportOf(Endpoint):
    """Where everybody is, what each step did, whether it works and what it cost; each number means what
    `metrics/` says of it."""

    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(operation_id="campaigns_report", parameters=[*rest.COHORT], responses=shapes.ReportShape)
    def get(self, request: Request, public_id: str) -> Response:
        campaign, now = rest.campaign_of(public_id), clock.now()
        cohort = cohorts.asked(campaign, request.query_params, now)
        return Response(represent(campaign, reports.of(campaign, now, cohort), now))


def represent(campaign: Campaign, report: Report, now: datetime) -> dict[str, Any]:
    currency = workspace.current().currency
    per_extra = report.cost_per_extra
    return {
        "campaign": publicids.encode("cmp", campaign.pk),
        "at": fields.instant_text(now),
        "cohort": _cohort(report, now),
        "waterfall": report.waterfall,
        "steps": [_step(line, currency) for line in report.steps],
        "goal": {"reached": report.reached, "held_out": report.holdout.hits},
        "lift": _lift(report, currency),
        "cost": {
            "total": fields.money(report.money.cost, currency),
            "messages": report.sent,
            "unpriced": report.money.unpriced,
            "per_extra": None if per_extra is None else fields.money(per_extra, currency),
        },
        "opt_outs": {"people": report.opt_outs, "rate": report.opt_out_rate},
    }


def _cohort(report: Report, now: datetime) -> dict[str, Any]:
    cohort = report.cohort
    return {
        "since": cohort.first.isoformat() if cohort.first else None,
        "until": cohort.last.isoformat() if cohort.last else None,
        "version": cohort.number,
        "means": reports.means(cohort, now),
    }


def _step(line: reports.StepLine, currency: str) -> dict[str, Any]:
    numbers = {name: getattr(line, name) for name in ("arrived", "sent", "not_sent", "opened", "clicked")}
    return {
        "step": line.step,
        "label": line.label,
        "channel": line.channel,
        **numbers,
        "opened": line.opened if line.measures_opens else None,
        "cost": fields.money(line.cost, currency),
        "reasons": [
            {"code": code, "words": reasons.words(code, reasons.NOT_SENT), "people": people}
            for code, people in line.reasons
        ],
    }


def _lift(report: Report, currency: str) -> dict[str, Any]:
    found, money = report.lift, report.money
    has_both = bool(report.treated.n and report.holdout.n)
    interval = {"low": found.low, "high": found.high, "confidence": CONFIDENCE}

    def group(each: Any, value: Any) -> dict[str, Any]:
        return {"people": each.n, "reached": each.hits, "rate": each.rate, "value": fields.money(value, currency)}

    return {
        "treated": group(report.treated, money.treated_value),
        "held_out": group(report.holdout, money.holdout_value),
        "difference": found.difference,
        "interval": interval if has_both else None,
        "verdict": found.verdict,
        "words": str(reports.VERDICTS[found.verdict]["words"]),
        "extra": found.extra,
        "extra_value": fields.money(report.extra_value, currency),
        "more_people": found.more,
        "more_days": report.days,
    }
