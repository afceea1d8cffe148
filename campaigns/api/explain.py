"""One contact and one campaign: did it reach them, and why or why not."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import journey, plans
from campaigns.api import runs
from campaigns.api.shapes import RunShape
from campaigns.models import Campaign, Enrolment, Refusal
from campaigns.rest import campaign_of
from channels.models import Message
from crm import clock, consent, errors, publicids
from crm.models import Contact
from crm.rest import fields, pages
from crm.rest.endpoint import Endpoint
from crm.segments import audience


class EligibilityClause(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    matches = serializers.BooleanField()
    seen = fields.AnyField()
    needed = fields.AnyField()


class EligibilityShape(serializers.Serializer[Any]):
    matches = serializers.BooleanField()
    clauses = EligibilityClause(many=True)


class ChannelShape(serializers.Serializer[Any]):
    channel = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(help_text="Why not; empty where it is allowed.")
    basis = serializers.CharField()
    since = fields.InstantField(allow_null=True)
    receipt = serializers.CharField(allow_null=True)


class RefusalShape(serializers.Serializer[Any]):
    reason = serializers.CharField()
    detail = fields.AnyField()
    at = fields.InstantField()


class SaidShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    step = serializers.CharField()
    channel = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    due_at = fields.InstantField()


class Explanation(serializers.Serializer[Any]):
    contact = serializers.CharField()
    campaign = serializers.CharField()
    at = fields.InstantField()
    entered = serializers.BooleanField()
    eligibility = EligibilityShape(allow_null=True)
    channels = ChannelShape(many=True)
    refusals = RefusalShape(many=True)
    runs = RunShape(many=True)
    messages = SaidShape(many=True)


class Explain(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(
        operation_id="contacts_explain",
        parameters=[
            OpenApiParameter("campaign", str, required=True),
            OpenApiParameter("at", fields.DATETIME, description="As things stood then; now, if it is left out."),
        ],
        responses=Explanation,
    )
    def get(self, request: Request, public_id: str) -> Response:
        if "campaign" not in request.query_params:
            raise errors.Problem("/campaign", "required", "Say for which campaign: ?campaign=cmp_…")
        contact = Contact.objects.filter(pk=pages.id_in_path("ctc", public_id), archived_at=None).first()
        if contact is None:
            raise errors.Problem("", "not_found", "There is no contact with this id.")
        campaign = campaign_of(request.query_params["campaign"])
        return Response(
            explain(contact.merged_into_id or contact.pk, campaign, pages.instant(request, "at", clock.now()))
        )


def explain(contact_id: int, campaign: Campaign, at: datetime) -> dict[str, Any]:
    entered = Enrolment.objects.filter(campaign=campaign, contact=contact_id, entered_at__lte=at)
    refusals = Refusal.objects.filter(campaign=campaign, contact=contact_id, at__lte=at).order_by("at", "id")
    messages = Message.objects.filter(campaign_id=campaign.pk, contact=contact_id, created_at__lte=at).order_by("id")
    found = runs.represent_runs(list(entered.select_related("version").order_by("id")[: pages.MOST]))
    return {
        "contact": publicids.encode("ctc", contact_id),
        "campaign": publicids.encode("cmp", campaign.pk),
        "at": fields.instant_text(at),
        "entered": bool(found),
        "eligibility": _eligibility(campaign, contact_id, at),
        "channels": [_channel(contact_id, campaign, channel, at) for channel in _channels(campaign)],
        "refusals": [
            {"reason": row.reason, "detail": row.detail, "at": fields.instant_text(row.at)}
            for row in refusals[: pages.MOST]
        ],
        "runs": found,
        "messages": [_message(row) for row in messages[: pages.MOST]],
    }


def _eligibility(campaign: Campaign, contact_id: int, at: datetime) -> dict[str, Any] | None:
    rule = plans.of(campaign.version_id).eligibility if campaign.version_id else None
    if rule is None:
        return None
    answer = audience.explain(rule, contact_id, at)
    return {
        "matches": answer.matches,
        "clauses": [
            {"sentence": each.sentence, "matches": each.matches, "seen": each.seen, "needed": each.needed}
            for each in answer.clauses
        ],
    }


def _channels(campaign: Campaign) -> list[str]:
    document = campaign.version.document if campaign.version else campaign.document
    return list(dict.fromkeys(sending.channel for sending in journey.compile(document).sendings()))


def _channel(contact_id: int, campaign: Campaign, channel: str, at: datetime) -> dict[str, Any]:
    answer = consent.allowed(contact_id, campaign.purpose, channel, at, campaign.message_class)
    if isinstance(answer, consent.Allow):
        receipt = publicids.encode("rcp", answer.receipt_id) if answer.receipt_id else None
        return {
            "channel": channel,
            "allowed": True,
            "reason": "",
            "basis": answer.basis,
            "since": None,
            "receipt": receipt,
        }
    return {
        "channel": channel,
        "allowed": False,
        "reason": answer.reason,
        "basis": "",
        "since": fields.instant_or_none(answer.since),
        "receipt": None,
    }


def _message(row: Message) -> dict[str, Any]:
    return {
        "id": publicids.encode("msg", row.pk),
        "step": row.step,
        "channel": row.channel,
        "state": row.state,
        "reason": row.reason,
        "due_at": fields.instant_text(row.due_at),
    }
