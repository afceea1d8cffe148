"""Events over REST: one, or up to 500 in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import capture, clock, fastlane, publicids, references, words
from crm.api import arrivals, people
from crm.errors import Problem, Problems
from crm.fastlane import Answer
from crm.rest import bodies, fields, shapes
from crm.rest.endpoint import Endpoint
from crm.rest.principal import Principal

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
    contact = serializers.CharField(
        allow_null=True, help_text="Null for a key that may not read contacts: a page learns of nobody."
    )
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
        ((contact, event, wrong),) = take_seen([request.data], self.principal, clock.now())
        if wrong:
            raise Problems(wrong)
        answer = {
            "id": None if event is None else publicids.encode("evt", event),
            "contact": publicids.encode("ctc", contact) if self.principal.may("contacts.read") else None,
            "duplicate": event is None,
        }
        return Response(answer, status=202)


class EventsBatch(Endpoint):
    """The fast way in: one transaction, a fixed number of queries; a bad event hurts no other."""

    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"POST": "events.write"}

    @extend_schema(operation_id="events_batch", request=EventBatch, responses=EventBatchAnswer)
    def post(self, request: Request) -> Response:
        answers = take_seen(list_of(request.data), self.principal, clock.now())
        rejected = [rejection(index, answer.problems) for index, answer in enumerate(answers) if answer.problems]
        duplicates = sum(answer.event is None and not answer.problems for answer in answers)
        accepted = len(answers) - len(rejected) - duplicates
        return Response({"accepted": accepted, "duplicates": duplicates, "rejected": rejected})


def take_seen(bodies: Sequence[Any], asker: Principal, now: datetime) -> list[Answer]:
    """The same for a key of one store: whoever it may not see is not told of, whatever id was guessed."""
    unseen = people.unseen([each.get("contact") if type(each) is dict else None for each in bodies], asker)
    told = [each for place, each in enumerate(bodies) if place not in unseen]
    answers = iter(take(told, asker.actor, now))
    refused = Answer(0, None, [people.NOBODY])
    return [refused if place in unseen else next(answers) for place in range(len(bodies))]


def take(bodies: Sequence[Any], actor: str, now: datetime) -> list[Answer]:
    """Events as they were sent: the short way where they can go it, else the general one."""
    return fastlane.receive(bodies, lambda others: take_generally(others, actor, now), now=now)


def take_generally(bodies: Sequence[Any], actor: str, now: datetime) -> list[Answer]:
    answers: list[Answer | None] = []
    taken: list[capture.Arrival] = []
    for data in bodies:
        try:
            taken.append(arrivals.of_event(data, actor))
            answers.append(None)
        except (Problem, Problems) as wrong:
            answers.append(Answer(0, None, wrong.problems if isinstance(wrong, Problems) else [wrong]))
    received = iter(capture.receive(taken, now=now) if taken else [])
    return [answer or _answer(next(received)) for answer in answers]


def _answer(received: capture.Received) -> Answer:
    if received.problems:
        return Answer(0, None, arrivals.places(received.problems))
    return Answer(received.contact_id or 0, received.event_ids[0])


def list_of(data: Any) -> list[Any]:
    """The events of a batch: 1 to 500."""
    if type(data) is not dict or type(data.get("events")) is not list or len(data) != 1:
        raise Problem("/events", "required", 'A batch reads {"events": […]}, with 1 to 500 events and nothing else.')
    events: list[Any] = data["events"]
    if not 1 <= len(events) <= MOST:
        raise Problem("/events", "batch_size", f"{len(events)} events; a batch has 1 to {MOST}.")
    return events


def rejection(index: int, found: Sequence[Problem]) -> dict[str, Any]:
    """The first mistake of an event, and how many more there are."""
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return {"index": index, "code": first.code, "detail": f"{first.detail}{more}", "pointer": first.pointer}
