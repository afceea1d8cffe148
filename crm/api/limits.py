"""Limits over REST: keep somebody's data and use it for nothing, use it again, or record that they object."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock, errors, intake, publicids, words
from crm.api import people
from crm.rest import fields, shapes
from crm.rest.endpoint import Endpoint
from crm.rights import objection, restriction


class RestrictionDraft(shapes.Shape):
    why = fields.WordField(
        restriction.WHY, help_text="accuracy: they say it is not right; unlawful: and they want it kept; claims: they "
        "need it for a claim; objection: they object, and it is not decided yet."
    )  # fmt: skip
    words = fields.TextField(max_length=restriction.LONGEST, required=False, allow_blank=True)


class RestrictionAnswer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    restricted = serializers.BooleanField()
    changed = serializers.BooleanField(help_text="False: it was so before.")


class ObjectionDraft(shapes.Shape):
    method = fields.WordField(words.METHODS, help_text="How they told you.")
    source = fields.TextField(max_length=400, help_text="Where they told you.")  # type: ignore[assignment]
    evidence = fields.ObjectField(required=False, help_text="What proves it: ip and user_agent of the person, …")


class ObjectionAnswer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    receipts = serializers.IntegerField(help_text="How many statements it took; 0: everything was stopped before.")


class Restriction(Endpoint):
    """Kept and used for nothing: nothing is sent or begun, and no segment has them. Their no still counts."""

    needs: ClassVar[dict[str, str]] = {"POST": "rights.write", "DELETE": "rights.write"}

    @extend_schema(operation_id="contacts_restrict", request=RestrictionDraft, responses=RestrictionAnswer)
    def post(self, request: Request, public_id: str) -> Response:
        contact, _ = people.contact_of(public_id, self.principal)
        said = shapes.read(RestrictionDraft, request)
        changed = restriction.restrict(
            contact.pk, why=said["why"], words=said.get("words", ""), actor=self.principal.actor, now=clock.now()
        )
        return Response(_answer(contact.pk, restricted=True, changed=changed))

    @extend_schema(operation_id="contacts_unrestrict", request=None, responses={200: RestrictionAnswer})
    def delete(self, request: Request, public_id: str) -> Response:
        contact, _ = people.contact_of(public_id, self.principal)
        changed = restriction.lift(contact.pk, actor=self.principal.actor, now=clock.now())
        return Response(_answer(contact.pk, restricted=False, changed=changed))


class ObjectToAll(Endpoint):
    """All marketing and profiling stops, on every channel, those they never used too."""

    needs: ClassVar[dict[str, str]] = {"POST": "rights.write"}

    @extend_schema(operation_id="contacts_object", request=ObjectionDraft, responses={201: ObjectionAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        contact, _ = people.contact_of(public_id, self.principal)
        said = shapes.read(ObjectionDraft, request)
        if not said["source"].strip():
            raise errors.Problem("/source", "required", "Say where they told you.")
        made = objection.object_to_all(
            contact.pk,
            method=said["method"],
            source=said["source"],
            evidence=intake.evidence(said.get("evidence")),
            actor=self.principal.actor,
            now=clock.now(),
        )
        return Response({"contact": publicids.encode("ctc", contact.pk), "receipts": made}, status=201)


def _answer(contact_id: int, *, restricted: bool, changed: bool) -> dict[str, Any]:
    return {"contact": publicids.encode("ctc", contact_id), "restricted": restricted, "changed": changed}
