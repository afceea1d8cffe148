"""What became of one event: whose it is, what it changed, started or ended, and what was sent."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import trace_words, tracing
from campaigns.trace_words import Line, Trace
from crm import clock, errors, publicids, reasons
from crm.models import Contact
from crm.rest import fields, pages
from crm.rest.endpoint import Endpoint
from crm.till import people

REASONS = sorted({*tracing.OWN, *reasons.NOT_ENTERED})


class TracedEvent(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    occurred_at = fields.InstantField()
    recorded_at = fields.InstantField()
    channel = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    historic = serializers.BooleanField()


class IdentifierHint(serializers.Serializer[Any]):
    kind = serializers.CharField()
    hint = serializers.CharField(help_text="Enough to recognise, not enough to write to.")


class TracedContact(serializers.Serializer[Any]):
    id = serializers.CharField()
    created = serializers.BooleanField(help_text="True where the event made the contact.")
    matched_by = serializers.CharField(
        allow_null=True, help_text="The kind of identifier it came with; null once the log of requests forgot it."
    )
    hint = serializers.CharField()
    identifiers = IdentifierHint(many=True)
    restricted = serializers.BooleanField()


class TracedChange(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["cart", "order", "consent", "stage"])
    id = serializers.CharField()
    says = serializers.CharField()


class TracedSegment(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    joined = serializers.BooleanField()
    at = fields.InstantField()


class TracedCampaign(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="The one that held when the event was told.")
    verdict = serializers.ChoiceField(choices=["started", "waiting", "not_started"])
    reason = serializers.ChoiceField(choices=REASONS)
    says = serializers.CharField()
    run = serializers.CharField(allow_null=True)
    until = fields.InstantField(allow_null=True)
    by = serializers.CharField(allow_null=True, help_text="The later event that put it off or ended it.")
    segment = serializers.CharField(allow_null=True, help_text="The segment through which it came.")
    detail = fields.AnyField()


class TracedRun(serializers.Serializer[Any]):
    id = serializers.CharField()
    campaign = serializers.CharField()
    what = serializers.ChoiceField(choices=["ended", "goal", "woken"])
    step = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField(allow_blank=True)


class TracedMessage(serializers.Serializer[Any]):
    id = serializers.CharField()
    campaign = serializers.CharField(allow_null=True)
    run = serializers.CharField(allow_null=True)
    step = serializers.CharField()
    channel = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    due_at = fields.InstantField()


class TraceShape(serializers.Serializer[Any]):
    event = TracedEvent()
    state = serializers.ChoiceField(
        choices=[tracing.PENDING, tracing.PARKED, tracing.DONE],
        help_text="pending: not worked on yet, ask again; failed: it waits for a person.",
    )
    contact = TracedContact()
    changes = TracedChange(many=True)
    segments = TracedSegment(many=True)
    campaigns = TracedCampaign(many=True)
    runs = TracedRun(many=True)
    messages = TracedMessage(many=True)


class EventTrace(Endpoint):
    """One event, and everything that became of it."""

    needs: ClassVar[dict[str, str]] = {"GET": "campaigns.read"}

    @extend_schema(operation_id="events_trace", responses=TraceShape)
    def get(self, request: Request, public_id: str) -> Response:
        number = pages.id_in_path("evt", public_id)
        found = trace_words.trace(number, clock.now())
        if found is None or not self._sees(found):
            raise errors.Problem("", "not_found", "There is no event with this id.")
        return Response(represent(found))

    def _sees(self, found: Trace) -> bool:
        """A key of one store sees its own people."""
        stores = self.principal.stores
        whose = Contact.objects.filter(pk=found.known.event.contact_id)
        return stores is None or people.visible(whose, stores).exists()


def represent(found: Trace) -> dict[str, Any]:
    event, contact = found.known.event, found.known.contact
    return {
        "event": {
            "id": publicids.encode("evt", event.pk),
            "name": event.name,
            "occurred_at": fields.instant_text(event.occurred_at),
            "recorded_at": fields.instant_text(event.recorded_at),
            "channel": event.channel,
            "source": event.source,
            "historic": event.historic,
        },
        "state": found.state,
        "contact": {
            "id": publicids.encode("ctc", event.contact_id),
            "created": found.created,
            "matched_by": found.origin.kind if found.origin else None,
            "hint": found.origin.hint if found.origin else "",
            "identifiers": [{"kind": kind, "hint": hint} for kind, hint in found.identifiers],
            "restricted": bool(contact and contact.restricted),
        },
        "changes": [{"kind": each.kind, "id": each.id, "says": each.says} for each in found.changes],
        "segments": [
            {
                "id": publicids.encode("seg", change.segment),
                "name": name,
                "joined": change.joined,
                "at": fields.instant_text(change.at),
            }
            for change, name in found.segments
        ],
        "campaigns": [_campaign(line) for line in found.campaigns],
        "runs": [
            {
                "id": publicids.encode("run", each.run),
                "campaign": publicids.encode("cmp", each.campaign),
                "what": each.what,
                "step": each.step_id,
                "outcome": each.outcome_code,
            }
            for each in found.runs
        ],
        "messages": [_message(each) for each in found.messages],
    }


def _campaign(line: Line) -> dict[str, Any]:
    return {
        "id": publicids.encode("cmp", line.campaign),
        "name": line.name,
        "version": line.version,
        "verdict": line.verdict,
        "reason": line.reason,
        "says": line.says,
        "run": publicids.encode("run", line.run) if line.run else None,
        "until": fields.instant_or_none(line.until),
        "by": publicids.encode("evt", line.by) if line.by else None,
        "segment": publicids.encode("seg", line.segment) if line.segment else None,
        "detail": line.detail,
    }


def _message(each: trace_words.Sent) -> dict[str, Any]:
    row = each.message
    return {
        "id": publicids.encode("msg", row.pk),
        "campaign": publicids.encode("cmp", row.campaign_id) if row.campaign_id else None,
        "run": publicids.encode("run", row.run_id) if row.run_id else None,
        "step": row.step,
        "channel": row.channel,
        "state": row.state,
        "reason": row.reason,
        "due_at": fields.instant_text(row.due_at),
    }
