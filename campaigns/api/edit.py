"""Make, change and steer campaigns."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Count, Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import duties, journey, lifecycle, triggers
from campaigns.api import shapes
from campaigns.models import Campaign, Conversion, Enrolment
from campaigns.rest import campaign_of
from channels.models import Message
from crm import clock, errors, publicids
from crm.rest import fields, pages
from crm.rest.endpoint import Endpoint
from crm.rest.shapes import read

# The JSON of a campaign is checked by `campaigns.journey`, which names each mistake itself.
DOCUMENT = {"type": "object", "additionalProperties": {}, "description": "A campaign: see docs/journey.md."}


class Campaigns(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read", "POST": "campaigns.write"}

    @extend_schema(
        operation_id="campaigns_list",
        parameters=[OpenApiParameter("status", str, enum=shapes.STATUSES), *pages.PARAMETERS],
        responses=shapes.CampaignPage,
    )
    def get(self, request: Request) -> Response:
        rows = Campaign.objects.select_related("version")
        if "status" in request.query_params:
            rows = rows.filter(state=pages.word(request.query_params["status"], shapes.STATUSES, "/status"))
        return Response(pages.page(request, rows, ["-id"], lambda found: [line(row) for row in found]))

    @extend_schema(
        operation_id="campaigns_create",
        request={"application/json": DOCUMENT},
        responses={201: shapes.CampaignShape},
    )
    def post(self, request: Request) -> Response:
        made = lifecycle.create(document_of(request), actor=self.principal.actor, now=clock.now())
        return Response(represent(made), status=201)


class OneCampaign(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read", "PATCH": "campaigns.write"}

    @extend_schema(operation_id="campaigns_retrieve", responses=shapes.CampaignShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(represent(campaign_of(public_id)))

    @extend_schema(
        operation_id="campaigns_update",
        request={"application/json": DOCUMENT},
        responses=shapes.CampaignShape,
        description="Replaces the keys that are given; null takes an optional one away. "
        "People who are inside go on in the version they entered. With `revision` it is refused (409) "
        "if somebody else has changed the campaign since that was read.",
    )
    def patch(self, request: Request, public_id: str) -> Response:
        campaign = campaign_of(public_id)
        said = dict(document_of(request))
        revision = said.pop("revision", None)
        if revision is not None and type(revision) is not int:
            raise errors.Problem("/revision", "invalid", "revision is the whole number that was last read.")
        merged = campaign.document | said
        document = {name: value for name, value in merged.items() if value is not None}
        changed = lifecycle.update(campaign, document, self.principal.actor, clock.now(), revision=revision)
        return Response(represent(changed))


class Steer(Endpoint):
    """publish, pause, resume, finish (nobody new), stop (ends everybody)."""

    needs: ClassVar[dict[str, str]] = {"POST": "campaigns.publish"}
    verb: ClassVar[str] = ""

    def steer(self, public_id: str) -> Response:
        campaign = campaign_of(public_id)
        getattr(lifecycle, self.verb)(campaign, actor=self.principal.actor, now=clock.now())
        return Response(represent(campaign_of(public_id)))


class Publish(Steer):
    verb = "publish"

    @extend_schema(
        operation_id="campaigns_publish",
        request=None,
        responses=shapes.CampaignShape,
        description="`warnings` also says what the law of the countries it can reach asks a message to carry.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        answer = self.steer(public_id)
        lacking = duties.findings(answer.data["document"], clock.now())
        answer.data["warnings"] += [
            {"pointer": each.place, "code": each.code, "detail": ". ".join(filter(None, (each.title, each.detail)))}
            for each in lacking
        ]
        return answer


class Pause(Steer):
    verb = "pause"

    @extend_schema(operation_id="campaigns_pause", request=None, responses=shapes.CampaignShape)
    def post(self, request: Request, public_id: str) -> Response:
        return self.steer(public_id)


class Resume(Steer):
    verb = "resume"

    @extend_schema(operation_id="campaigns_resume", request=None, responses=shapes.CampaignShape)
    def post(self, request: Request, public_id: str) -> Response:
        return self.steer(public_id)


class Finish(Steer):
    verb = "finish"

    @extend_schema(operation_id="campaigns_finish", request=None, responses=shapes.CampaignShape)
    def post(self, request: Request, public_id: str) -> Response:
        return self.steer(public_id)


class Stop(Steer):
    verb = "stop"

    @extend_schema(operation_id="campaigns_stop", request=None, responses=shapes.CampaignShape)
    def post(self, request: Request, public_id: str) -> Response:
        return self.steer(public_id)


class TriggerCampaign(Endpoint):
    """Let one contact in by hand."""

    needs: ClassVar[dict[str, str]] = {"POST": "campaigns.trigger"}

    @extend_schema(operation_id="campaigns_trigger", request=shapes.Trigger, responses={202: shapes.TriggerAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        campaign = campaign_of(public_id)
        said = read(shapes.Trigger, request)
        run, reason = triggers.trigger(
            campaign, said["contact"], said.get("key", ""), said.get("properties", {}), clock.now()
        )
        answer = {"run": publicids.encode("run", run) if run else None, "reason": reason or ""}
        return Response(answer, status=202)


def document_of(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise errors.Problem("", "invalid", "A campaign is a JSON object, in braces.")
    return request.data


def line(campaign: Campaign) -> dict[str, Any]:
    version = campaign.version
    return {
        "id": publicids.encode("cmp", campaign.pk),
        "name": campaign.name,
        "status": campaign.state,
        "purpose": campaign.purpose,
        "message_class": campaign.message_class,
        "objective": campaign.objective,
        "revision": campaign.revision,
        "version": version.number if version else None,
        "published_at": fields.instant_or_none(campaign.published_at),
        "paused_at": fields.instant_or_none(campaign.paused_at),
        "ended_at": fields.instant_or_none(campaign.ended_at),
        "created_at": fields.instant_text(campaign.created_at),
    }


def represent(campaign: Campaign) -> dict[str, Any]:
    _, warnings = journey.check(campaign.document)
    return line(campaign) | {
        "document": campaign.document,
        "warnings": [{"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in warnings],
        "counts": counts(campaign),
    }


def counts(campaign: Campaign) -> dict[str, Any]:
    """Four aggregates, whatever the size of the campaign."""
    runs = Enrolment.objects.filter(campaign=campaign)
    totals = runs.aggregate(
        entered=Count("id"), active=Count("id", filter=~Q(state="done")), held_out=Count("id", filter=Q(held_out=True))
    )
    done = dict(runs.filter(state="done").values_list("outcome").annotate(n=Count("id")).order_by())
    messages = dict(
        Message.objects.filter(campaign_id=campaign.pk).values_list("state").annotate(n=Count("id")).order_by()
    )
    converted = Conversion.objects.filter(campaign=campaign).count()
    return totals | {"done": done, "converted": converted, "messages": messages}
