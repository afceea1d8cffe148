"""The journeys somebody was in, for the copy of their data: where they stood, why, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from campaigns.models import Arm, Campaign, Conversion, Enrolment, PendingEntry, Refusal, Visit
from crm import publicids


def journeys(contact_ids: Sequence[int]) -> dict[str, Any]:
    """A fixed number of queries."""
    people = list(contact_ids)
    names = dict(Campaign.objects.values_list("pk", "name"))
    runs = list(Enrolment.objects.filter(contact__in=people).order_by("pk"))
    visits: dict[int, list[dict[str, Any]]] = defaultdict(list)
    # By the run: there is an index for that.
    for visit in Visit.objects.filter(run__in=[run.pk for run in runs]).order_by("at", "pk"):
        visits[visit.run_id].append(
            {"step": visit.step, "at": visit.at.isoformat(), "way": visit.port, "reason": visit.reason}
        )
    reached = Conversion.objects.filter(contact__in=people).order_by("pk")
    refused = Refusal.objects.filter(campaign__in=list(names), contact__in=people).order_by("pk")
    waiting = PendingEntry.objects.filter(contact__in=people).order_by("pk")
    dealt = Arm.objects.filter(campaign__in=list(names), contact__in=people).order_by("pk")
    return {
        "runs": [
            {
                "id": publicids.encode("run", run.pk), "campaign": names.get(run.campaign_id, ""), "state": run.state,
                "outcome": run.outcome, "step": run.step, "held_out": run.held_out,
                "entered_at": run.entered_at.isoformat(), "ended_at": _at(run.ended_at), "began_with": run.entry,
                "visits": visits[run.pk],
            }
            for run in runs
        ],
        "conversions": [
            {
                "campaign": names.get(each.campaign_id, ""), "at": each.at.isoformat(),
                "value": None if each.value is None else str(each.value), "currency": each.currency,
                "held_out": each.held_out,
            }
            for each in reached
        ],
        "not_entered": [
            {"campaign": names.get(each.campaign_id, ""), "reason": each.reason, "at": each.at.isoformat()}
            for each in refused
        ],
        "waiting": [
            {"campaign": names.get(each.campaign_id, ""), "due_at": each.due_at.isoformat()} for each in waiting
        ],
        "dealt": [
            {"campaign": names.get(each.campaign_id, ""), "step": each.step, "lane": each.lane} for each in dealt
        ],
    }  # fmt: skip


def _at(at: Any) -> str | None:
    return at.isoformat() if at else None
