"""Events over REST: one, or up to 500 in one transaction."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import capture, clock, publicids, references, words
from crm.api import arrivals
from crm.errors import Problem, Problems
from crm.rest import bodies, fields, shapes
from crm.rest.endpoint import Endpoint

MOST: Final = 500


class ContextDraft(shapes.Shape):
    page = fields.AnyField(required=False)
    referrer = fields.AnyField(required=False)
    utm = fields.AnyField(required=False)
    click_ids = fields.AnyField(required=False)


class EventDraft(shapes.Shape):
    """Documents what `arrivals.of_event` and `crm.intake` read."""

    contact = references.ReferenceField()
    name = fields.TextField(max_length=80)
    properties = fields.ObjectField(required=False)
    occurred_at = fields.InstantField(required=False, help_text="From 1990 until now; now, if it is left out.")
    event_id = fields.TextField(max_length=200, required=False, help_text="The same id is stored once.")
    channel = fields.WordField(words.EVENT_CHANNELS, required=False)
    source = fields.TextField(max_length=120, required=False)  # type: ignore[assignment]
    session = fields.TextField(max_length=80, required=False)
    context = ContextDraft(required=False)  # type: ignore[assignment]
    historic = fields.TruthField(required=False, help_text="Is folded into everything and starts nothing.")


class EventBatch(shapes.Shape):
    events = shapes.several(EventDraft, MOST, allow_empty=False)


class EventAnswer(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="Null where the same event_id had been stored before.")
    contact = serializers.CharField()
    duplicate = serializers.BooleanField()


class RejectedEvent(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(allow_blank=True)


class EventBatchAnswer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectedEvent(many=True)


class Events(Endpoint):
    """A fact about a contact, who is created if nobody is known by that."""

    needs: ClassVar[dict[str, str]] = {"POST": "events.write"}

    @extend_schema(operation_id="events_create", request=EventDraft, responses={202: EventAnswer})
    def post(self, request: Request) -> Response:
        arrival = arrivals.of_event(request.data, self.principal.actor)
        (received,) = capture.receive([arrival], now=clock.now())
        arrivals.refuse(received)
        event = received.event_ids[0]
        answer = {
            "id": None if event is None else publicids.encode("evt", event),
            "contact": publicids.encode("ctc", received.contact_id or 0),
            "duplicate": event is None,
        }
        return Response(answer, status=202)


class EventsBatch(Endpoint):
    """The fast way in: one transaction, a fixed number of queries; a bad event hurts no other."""

    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"POST": "events.write"}

    @extend_schema(operation_id="events_batch", request=EventBatch, responses=EventBatchAnswer)
    def post(self, request: Request) -> Response:
        taken: list[tuple[int, capture.Arrival]] = []
        rejected: list[dict[str, Any]] = []
        actor = self.principal.actor
        for index, data in enumerate(list_of(request.data)):
            try:
                taken.append((index, arrivals.of_event(data, actor)))
            except (Problem, Problems) as wrong:
                rejected.append(rejection(index, wrong.problems if isinstance(wrong, Problems) else [wrong]))
        received = capture.receive([arrival for _, arrival in taken], now=clock.now()) if taken else []
        accepted = duplicates = 0
        for (index, _), answer in zip(taken, received, strict=True):
            if answer.problems:
                rejected.append(rejection(index, arrivals.places(answer.problems)))
            else:
                duplicates += answer.duplicates
                accepted += 1 - answer.duplicates
        rejected.sort(key=lambda each: int(each["index"]))
        return Response({"accepted": accepted, "duplicates": duplicates, "rejected": rejected})


def list_of(data: Any) -> list[Any]:
    """The events of a batch: 1 to 500."""
    if type(data) is not dict or type(data.get("events")) is not list or len(data) != 1:
        raise Problem("/events", "required", 'A batch reads {"events": […]}, with 1 to 500 events and nothing else.')
    events: list[Any] = data["events"]
    if not 1 <= len(events) <= MOST:
        raise Problem("/events", "batch_size", f"{len(events)} events; a batch has 1 to {MOST}.")
    return events


def rejection(index: int, found: list[Problem]) -> dict[str, Any]:
    """The first mistake of an event, and how many more there are."""
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return {"index": index, "code": first.code, "detail": f"{first.detail}{more}", "pointer": first.pointer}
