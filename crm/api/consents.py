"""Consent over REST: record what somebody said, and read what it comes to."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import capture, clock, confirming, errors, intake, normalise, publicids, references, words, workspace
from crm.api import arrivals, people
from crm.api.contacts import ConsentSaid
from crm.models import ConsentReceipt, ConsentState
from crm.rest import fields, masks, problems, shapes
from crm.rest.endpoint import Endpoint


class ConsentDraft(ConsentSaid):
    contact = references.ReferenceField()


class ReceiptShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    purpose = serializers.ChoiceField(choices=words.PURPOSES)
    channel = serializers.ChoiceField(choices=words.CHANNELS)
    action = serializers.ChoiceField(choices=(*words.ACTIONS, *words.INNER_ACTIONS))
    basis = serializers.CharField()
    method = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    wording = serializers.CharField()
    until = fields.InstantField(allow_null=True)
    occurred_at = fields.InstantField()
    recorded_at = fields.InstantField()
    hash = serializers.CharField(help_text="Chained to the receipt before it.")


class ConsentAnswer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    receipt = ReceiptShape()
    state = serializers.ChoiceField(choices=ConsentState.State.values)


class StateShape(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=words.PURPOSES)
    channel = serializers.ChoiceField(choices=words.CHANNELS)
    address_hint = serializers.CharField()
    state = serializers.ChoiceField(choices=ConsentState.State.values)
    basis = serializers.CharField()
    since = fields.InstantField()
    expires_at = fields.InstantField(allow_null=True)
    paused_until = fields.InstantField(allow_null=True)
    receipt = ReceiptShape()


StateList = shapes.page_of("StateList", StateShape)


class Consents(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "consents.read", "POST": "consents.write"}

    @extend_schema(
        operation_id="consents_list",
        parameters=[
            OpenApiParameter("contact", str, description="The contact's id; or name them by one identifier."),
            *(OpenApiParameter(kind, str) for kind in references.KINDS),
        ],
        responses=StateList,
    )
    def get(self, request: Request) -> Response:
        reference = references.of_query(request.query_params)
        if reference is None:
            raise errors.Problem("/contact", "required", "Say whose consents: ?contact=ctc_… or ?email=…")
        contact_id = references.known(reference)
        if "id" in reference:
            people.contact_of(publicids.encode("ctc", contact_id), self.principal)
        rows = (
            ConsentState.objects.filter(contact_id=contact_id)
            .select_related("address", "receipt")
            .order_by("purpose", "channel", "id")
        )
        return Response({"data": [represent_state(row) for row in rows], "next": None})

    @extend_schema(operation_id="consents_create", request=ConsentDraft, responses={201: ConsentAnswer})
    def post(self, request: Request) -> Response:
        said = shapes.read(ConsentDraft, request)
        people.must_see(said["contact"], self.principal)
        (received,) = capture.receive([arrivals.of_consent(said, self.principal)], now=clock.now())
        arrivals.refuse(received)
        return Response(answer(received), status=201)


class ConfirmDraft(shapes.Shape):
    """The code that somebody was sent by SMS, typed into your own form."""

    phone = fields.TextField(max_length=40)
    code = serializers.RegexField(r"^[0-9]{6}$", error_messages={"invalid": "A code has six digits."})
    evidence = fields.ObjectField(required=False, help_text="What proves it: ip and user_agent of the person, …")


class ConfirmAnswer(serializers.Serializer[Any]):
    contact = serializers.CharField()
    confirmed = serializers.ListField(child=fields.ObjectField())


WRONG: Final = errors.Problem("/code", "wrong_code", "This code is not right, or too old, or was tried too often.")


class Confirm(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "consents.write"}

    @extend_schema(operation_id="consents_confirm", request=ConfirmDraft, responses={200: ConfirmAnswer})
    def post(self, request: Request) -> Response:
        said, now = shapes.read(ConfirmDraft, request), clock.now()
        try:
            place = "phone", normalise.phone(said["phone"], workspace.current().country)
        except errors.Problem as problem:
            raise problem.under("/phone") from None
        asked = confirming.confirm_code(place, said["code"], intake.evidence(said.get("evidence")), now)
        if asked is None:
            # An answer, not an exception: that it was tried stays written down whatever runs around it.
            number = request._request.META.get("cauce.request_id", "")
            refused = problems.document(422, [WRONG], request_id=number)
            return Response(refused, status=422, content_type=problems.MEDIA_TYPE)
        done = [{"purpose": each["purpose"], "channel": each["channel"]} for each in asked.items]
        return Response({"contact": publicids.encode("ctc", asked.contact_id), "confirmed": done})


def answer(received: capture.Received) -> dict[str, Any]:
    recorded = received.receipts[0]
    receipt = ConsentReceipt.objects.get(pk=recorded.receipt_id)
    return {
        "contact": publicids.encode("ctc", received.contact_id or 0),
        "receipt": represent_receipt(receipt),
        "state": recorded.state,
    }


def represent_state(row: ConsentState) -> dict[str, Any]:
    address = row.address
    return {
        "purpose": row.purpose,
        "channel": row.channel,
        "address_hint": masks.address(address.medium, address.value) if address else "",
        "state": row.state,
        "basis": row.basis,
        "since": fields.instant_text(row.since),
        "expires_at": fields.instant_or_none(row.expires_at),
        "paused_until": fields.instant_or_none(row.paused_until),
        "receipt": represent_receipt(row.receipt),
    }


def represent_receipt(receipt: ConsentReceipt) -> dict[str, Any]:
    return {
        "id": publicids.encode("rcp", receipt.pk),
        "purpose": receipt.purpose,
        "channel": receipt.channel,
        "action": receipt.action,
        "basis": receipt.basis,
        "method": receipt.method,
        "source": receipt.source,
        "wording": receipt.wording,
        "until": fields.instant_or_none(receipt.until),
        "occurred_at": fields.instant_text(receipt.occurred_at),
        "recorded_at": fields.instant_text(receipt.recorded_at),
        "hash": receipt.hash,
    }
