"""`GET consents/allowed/`: may a message go to this contact, now or then, and on what ground?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import asof, clock, errors, publicids, references, words
from crm.api import people
from crm.permission import Allow
from crm.rest import fields, masks, pages
from crm.rest.endpoint import Endpoint

CHOICES: Final = {"purpose": words.PURPOSES, "channel": words.CHANNELS, "message_class": words.MESSAGE_CLASSES}


class AllowedShape(serializers.Serializer[Any]):
    contact = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(help_text="Why not; empty where it may go.")
    basis = serializers.CharField(help_text="What it would rest on; empty where it may not go.")
    receipt = serializers.CharField(allow_null=True, help_text="The receipt it rests on.")
    since = fields.InstantField(allow_null=True)
    address_hint = serializers.CharField()
    at = fields.InstantField()


class Allowed(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "consents.read"}

    @extend_schema(
        operation_id="consents_allowed",
        parameters=[
            OpenApiParameter("contact", str, description="The contact's id; or name them by one identifier."),
            *(OpenApiParameter(kind, str) for kind in references.KINDS),
            OpenApiParameter("purpose", str, required=True, enum=words.PURPOSES),
            OpenApiParameter("channel", str, required=True, enum=words.CHANNELS),
            OpenApiParameter("message_class", str, enum=words.MESSAGE_CLASSES, default="marketing"),
            OpenApiParameter("at", {"type": "string", "format": "date-time"}, description="Now, if it is left out."),
        ],
        responses=AllowedShape,
    )
    def get(self, request: Request) -> Response:
        """Consent and suppression only: quiet hours, limits and the law of a region are asked at the hand-off."""
        said = {"message_class": "marketing", **request.query_params.dict()}
        for name, known in CHOICES.items():
            if said.get(name) not in known:
                raise errors.Problem(f"/{name}", "not_a_choice", f"{name} is one of {', '.join(known)}.")
        at = pages.instant(request, "at", clock.now())
        contact_id = self._contact(request)
        found = asof.allowed(contact_id, said["purpose"], said["channel"], at, said["message_class"])
        return Response(represent(contact_id, said["channel"], at, found))

    def _contact(self, request: Request) -> int:
        reference = references.of_query(request.query_params)
        if reference is None:
            raise errors.Problem("/contact", "required", "Say who: ?contact=ctc_… or ?email=…")
        contact_id = references.known(reference)
        if "id" in reference:
            people.contact_of(publicids.encode("ctc", contact_id), self.principal)
        return contact_id


def represent(contact_id: int, channel: str, at: datetime, found: asof.Answer) -> dict[str, Any]:
    verdict, shown = found.verdict, masks.address(words.MEDIUM.get(channel, ""), found.address) if found.address else ""
    told = {"contact": publicids.encode("ctc", contact_id), "address_hint": shown, "at": fields.instant_text(at)}
    if isinstance(verdict, Allow):
        receipt = publicids.encode("rcp", verdict.receipt_id) if verdict.receipt_id else None
        since = fields.instant_or_none(found.standing.since)
        return {**told, "allowed": True, "reason": "", "basis": verdict.basis, "receipt": receipt, "since": since}
    since = fields.instant_or_none(verdict.since)
    return {**told, "allowed": False, "reason": verdict.reason, "basis": "", "receipt": None, "since": since}
