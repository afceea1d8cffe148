"""Runs with their visits: what was decided for whom at every step."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import shapes
from campaigns.models import Enrolment, Visit
from campaigns.rest import campaign_of
from crm import publicids, references
from crm.rest import fields, pages
from crm.rest.endpoint import Endpoint


class Runs(Endpoint):
    """Runs, newest first, each with what was decided at every step."""

    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(
        operation_id="campaigns_runs",
        parameters=[OpenApiParameter("contact", str), OpenApiParameter("state", str), *pages.PARAMETERS],
        responses=shapes.RunPage,
    )
    def get(self, request: Request, public_id: str) -> Response:
        rows = Enrolment.objects.filter(campaign=campaign_of(public_id)).select_related("version")
        reference = references.of_query(request.query_params)
        if reference is not None:
            rows = rows.filter(contact_id=references.known(reference))
        if "state" in request.query_params:
            rows = rows.filter(state=pages.word(request.query_params["state"], Enrolment.State.values, "/state"))
        return Response(pages.page(request, rows, ["-id"], represent_runs))


def represent_runs(runs: list[Enrolment]) -> list[dict[str, Any]]:
    """One query for the visits of a whole page."""
    visits: dict[int, list[dict[str, Any]]] = {}
    for visit in Visit.objects.filter(run__in=[run.pk for run in runs]).order_by("at", "id"):
        visits.setdefault(visit.run_id, []).append(represent_visit(visit))
    return [represent_run(run) | {"visits": visits.get(run.pk, [])} for run in runs]


def represent_run(run: Enrolment) -> dict[str, Any]:
    return {
        "id": publicids.encode("run", run.pk),
        "contact": publicids.encode("ctc", run.contact_id),
        "version": run.version.number,
        "key": run.key,
        "state": run.state,
        "step": run.step,
        "due_at": fields.instant_or_none(run.due_at),
        "held_out": run.held_out,
        "outcome": run.outcome,
        "entry": run.entry,
        "entered_at": fields.instant_text(run.entered_at),
        "ended_at": fields.instant_or_none(run.ended_at),
    }


def represent_visit(visit: Visit) -> dict[str, Any]:
    return {
        "step": visit.step,
        "visit": visit.visit,
        "at": fields.instant_text(visit.at),
        "port": visit.port,
        "reason": visit.reason,
        "detail": visit.detail,
    }
