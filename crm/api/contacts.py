"""Contacts over REST: upsert by any identifier, find, list, and what they did."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import capture, clock, errors, normalise, publicids, references, words
from crm.api import arrivals, people
from crm.models import Contact, Event
from crm.rest import bodies, fields, pages, problems, shapes
from crm.rest.endpoint import Endpoint
from crm.rest.schema import ProblemEntry
from crm.rights import erasure

MOST: Final = 500
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})?")


class IdentifierDraft(shapes.Shape):
    kind = fields.WordField(normalise.KINDS)
    value = fields.TextField(max_length=320)


class ConsentSaid(shapes.Shape):
    """A statement, without saying whose."""

    purpose = fields.WordField(words.PURPOSES)
    channel = fields.WordField(words.CHANNELS)
    action = fields.WordField(words.ACTIONS)
    basis = fields.WordField(words.BASES, required=False)
    method = fields.WordField(words.METHODS, required=False, help_text="How it was said; a grant must say.")
    source = fields.TextField(  # type: ignore[assignment]
        max_length=400, required=False, allow_blank=True, help_text="Where it was said; a grant must say."
    )
    wording = fields.TextField(max_length=120, required=False, allow_blank=True)
    occurred_at = fields.InstantField(required=False, help_text="When it was said; now, if it is left out.")
    until = fields.InstantField(required=False, help_text="Needed with paused.")
    confirm = serializers.BooleanField(
        required=False, help_text="Ask them to confirm it at their address, whatever the settings say."
    )
    evidence = fields.ObjectField(required=False, help_text="What proves it: ip and user_agent of the person, …")


class ContactDraft(shapes.Shape):
    identifiers = shapes.several(IdentifierDraft, 20, allow_empty=False)
    given_name = fields.TextField(max_length=120, required=False, allow_blank=True)
    family_name = fields.TextField(max_length=120, required=False, allow_blank=True)
    language = serializers.RegexField(LANGUAGE, max_length=8, required=False)
    timezone = fields.TextField(max_length=64, required=False, help_text="An IANA name, such as Europe/Madrid.")
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, help_text="ISO 3166, two capital letters.")
    region = fields.TextField(max_length=80, required=False, allow_blank=True)
    city = fields.TextField(max_length=120, required=False, allow_blank=True)
    postal_code = fields.TextField(max_length=20, required=False, allow_blank=True)
    birth_date = serializers.DateField(required=False, allow_null=True)
    home_store = fields.TextField(max_length=40, required=False, allow_null=True, help_text="A store's code.")
    consents = shapes.several(ConsentSaid, 80, required=False)
    source = fields.TextField(max_length=120, required=False, allow_blank=True)  # type: ignore[assignment]
    shared_device = serializers.BooleanField(
        required=False, help_text="A till or a family's computer: its anonymous_id is not joined to this person."
    )
    # Last, because from here on the name is taken.
    fields = fields.ObjectField(  # type: ignore[assignment]
        required=False, help_text="Your own fields: text, numbers, true or false, lists."
    )


class ContactBatch(shapes.Shape):
    contacts = serializers.ListField(child=fields.ObjectField(), allow_empty=False, max_length=MOST)


class Verdict(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    status = serializers.ChoiceField(choices=("created", "updated", "unchanged", "rejected"))
    id = serializers.CharField(allow_null=True)
    errors = ProblemEntry(many=True)  # type: ignore[assignment]


class BatchAnswer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = Verdict(many=True)


class EventShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    properties = fields.ObjectField()
    occurred_at = fields.InstantField()
    recorded_at = fields.InstantField()
    channel = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    session = serializers.CharField()
    campaign = serializers.CharField(allow_null=True)
    context = fields.ObjectField()  # type: ignore[assignment]
    historic = serializers.BooleanField()


EventPage = shapes.page_of("EventPage", EventShape)


class Contacts(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "contacts.read", "POST": "contacts.write"}

    @extend_schema(
        operation_id="contacts_list",
        description="By one exact identifier, or everybody, newest first.",
        parameters=[*(OpenApiParameter(kind, str) for kind in normalise.KINDS), *pages.PARAMETERS],
        responses=people.ContactPage,
    )
    def get(self, request: Request) -> Response:
        rows = people.living()
        asked = request.query_params
        reference = references.of_query({kind: asked[kind] for kind in normalise.KINDS if kind in asked})
        if reference is None:
            rows = people.visible(rows, self.principal)
        else:  # whoever names an exact identifier has the person before them
            ((kind, value),) = reference.items()
            rows = people.known_by(rows, kind, value)
        return Response(pages.page(request, rows, ["-id"], people.represent))

    @extend_schema(
        operation_id="contacts_upsert",
        request=ContactDraft,
        responses={200: people.ContactShape, 201: people.ContactShape},
    )
    def post(self, request: Request) -> Response:
        draft = shapes.read(ContactDraft, request)
        (received,) = capture.receive([arrivals.of_contact(draft, self.principal)], now=clock.now())
        if received.problems:
            raise errors.Problems(received.problems)
        contact = Contact.objects.get(pk=received.contact_id or 0)
        return Response(people.represent_one(contact), status=201 if received.created else 200)


class ContactsBatch(Endpoint):
    """Up to 500 contacts; a bad one does not hurt the others."""

    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"POST": "contacts.write"}

    @extend_schema(operation_id="contacts_batch", request=ContactBatch, responses=BatchAnswer)
    def post(self, request: Request) -> Response:
        rows = shapes.read(ContactBatch, request)["contacts"]
        verdicts: list[dict[str, Any]] = []
        good: list[tuple[int, capture.Arrival]] = []
        for index, row in enumerate(rows):
            draft = ContactDraft(data=row)
            if draft.is_valid():
                good.append((index, arrivals.of_contact(draft.validated_data, self.principal)))
            else:
                verdicts.append(rejected(index, problems.of_validation(draft.errors)))
        answers = capture.receive([arrival for _, arrival in good], now=clock.now()) if good else []
        verdicts += [verdict(index, answer) for (index, _), answer in zip(good, answers, strict=True)]
        verdicts.sort(key=lambda each: int(each["index"]))
        statuses = [each["status"] for each in verdicts]
        counts = {name: statuses.count(name) for name in ("created", "updated", "unchanged", "rejected")}
        return Response(counts | {"results": verdicts})


class ErasureShape(serializers.Serializer[Any]):
    contact = serializers.CharField()
    state = serializers.ChoiceField(choices=("waiting", "done"))


class OneContact(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "contacts.read", "DELETE": "rights.write"}

    @extend_schema(operation_id="contacts_retrieve", responses=people.ContactShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(people.represent_one(*people.contact_of(public_id, self.principal)))

    @extend_schema(operation_id="contacts_erase", request=None, responses={202: ErasureShape})
    def delete(self, request: Request, public_id: str) -> Response:
        """Erase them: all processing ends now, and the rest goes as soon as nothing of theirs is on its way."""
        contact, _ = people.contact_of(public_id, self.principal)
        found = erasure.ask(contact.pk, actor=self.principal.actor, via="api", now=clock.now())
        return Response({"contact": publicids.encode("ctc", found.contact_id), "state": found.state}, status=202)


class Timeline(Endpoint):
    """What a contact did and was told, newest first."""

    needs: ClassVar[dict[str, str]] = {"GET": "contacts.read"}

    @extend_schema(
        operation_id="contacts_timeline",
        parameters=[OpenApiParameter("name", str, description="Events of this name only."), *pages.PARAMETERS],
        responses=EventPage,
    )
    def get(self, request: Request, public_id: str) -> Response:
        contact, _ = people.contact_of(public_id, self.principal)
        rows = Event.objects.filter(contact=contact)
        if "name" in request.query_params:
            rows = rows.filter(name=request.query_params["name"])
        order = ["-occurred_at", "-id"]
        return Response(pages.page(request, rows, order, lambda found: [represent_event(row) for row in found]))


def represent_event(event: Event) -> dict[str, Any]:
    return {
        "id": publicids.encode("evt", event.pk),
        "name": event.name,
        "properties": event.properties,
        "occurred_at": fields.instant_text(event.occurred_at),
        "recorded_at": fields.instant_text(event.recorded_at),
        "channel": event.channel,
        "source": event.source,
        "session": event.session,
        "campaign": None if event.campaign_ref is None else publicids.encode("cmp", event.campaign_ref),
        "context": event.context,
        "historic": event.historic,
    }


def verdict(index: int, received: capture.Received) -> dict[str, Any]:
    if received.problems:
        return rejected(index, received.problems)
    status = "created" if received.created else "updated" if received.updated else "unchanged"
    return {"index": index, "status": status, "id": publicids.encode("ctc", received.contact_id or 0), "errors": []}


def rejected(index: int, found: list[errors.Problem]) -> dict[str, Any]:
    return {"index": index, "status": "rejected", "id": None, "errors": [problems.entry(each) for each in found]}
