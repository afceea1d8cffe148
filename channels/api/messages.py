"""Messages over REST: what was planned for whom, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels import states
from channels.models import Message
from crm import clock, errors, publicids, references, words
from crm.rest import fields, masks, pages, shapes
from crm.rest.endpoint import Endpoint

# What is stored as `due` is three words outside: what it waits for tells them apart.
DUE: Final[dict[str, Callable[[datetime], Q]]] = {
    "planned": lambda now: Q(state="planned") | Q(state="due", due_at__gt=now, reason=""),
    "deferred": lambda now: Q(state="due", due_at__gt=now) & ~Q(reason=""),
    "due": lambda now: Q(state="due", due_at__lte=now),
}
WORDS: Final = (*DUE, *(state for state in states.EDGES if state not in DUE))


class MessageShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    contact = serializers.CharField()
    campaign = serializers.CharField(allow_null=True)
    run = serializers.CharField(allow_null=True)
    step = serializers.CharField()
    channel = serializers.ChoiceField(choices=words.CHANNELS)
    message_class = serializers.ChoiceField(choices=words.MESSAGE_CLASSES)
    purpose = serializers.CharField()
    state = serializers.ChoiceField(choices=WORDS)
    reason = serializers.CharField()
    reason_detail = fields.AnyField()
    held_out = serializers.BooleanField()
    address_hint = serializers.CharField()
    due_at = fields.InstantField()
    settled_at = fields.InstantField(allow_null=True)
    attempts = serializers.IntegerField()
    provider_message_id = serializers.CharField()


MessagePage = shapes.page_of("MessagePage", MessageShape)


class Messages(Endpoint):
    """The outbox, newest first."""

    needs: ClassVar[dict[str, str]] = {"GET": "messages.read"}

    @extend_schema(
        operation_id="messages_list",
        parameters=[
            OpenApiParameter("campaign", str),
            OpenApiParameter("contact", str),
            OpenApiParameter("run", str),
            OpenApiParameter("state", str, enum=WORDS),
            OpenApiParameter("reason", str),
            OpenApiParameter("channel", str, enum=words.CHANNELS),
            *pages.PARAMETERS,
        ],
        responses=MessagePage,
    )
    def get(self, request: Request) -> Response:
        now = clock.now()
        rows = filtered(Message.objects.select_related("address"), request, now)
        return Response(pages.page(request, rows, ["-id"], lambda found: [represent(row, now) for row in found]))


class OneMessage(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "messages.read"}

    @extend_schema(operation_id="messages_retrieve", responses=MessageShape)
    def get(self, request: Request, public_id: str) -> Response:
        row = Message.objects.select_related("address").filter(pk=pages.id_in_path("msg", public_id)).first()
        if row is None:
            raise errors.Problem("", "not_found", "There is no message with this id.")
        return Response(represent(row, clock.now()))


def filtered(rows: QuerySet[Message], request: Request, now: datetime) -> QuerySet[Message]:
    asked = request.query_params
    reference = references.of_query({name: asked[name] for name in ("contact", *references.KINDS) if name in asked})
    if reference is not None:
        rows = rows.filter(contact_id=references.known(reference))
    if "campaign" in asked:
        rows = rows.filter(campaign_id=publicids.decode("cmp", asked["campaign"], "/campaign"))
    if "run" in asked:
        rows = rows.filter(run_id=publicids.decode("run", asked["run"], "/run"))
    if "state" in asked:
        rows = rows.filter(_in_state(asked["state"], now))
    if "channel" in asked:
        rows = rows.filter(channel=pages.word(asked["channel"], words.CHANNELS, "/channel"))
    if "reason" in asked:
        rows = rows.filter(reason=asked["reason"])
    return rows


def state_of(row: Message, now: datetime) -> str:
    if row.state != "due":
        return row.state
    return "due" if row.due_at <= now else "deferred" if row.reason else "planned"


def represent(row: Message, now: datetime) -> dict[str, Any]:
    address = row.address
    return {
        "id": publicids.encode("msg", row.pk),
        "contact": publicids.encode("ctc", row.contact_id),
        "campaign": _id("cmp", row.campaign_id),
        "run": _id("run", row.run_id),
        "step": row.step,
        "channel": row.channel,
        "message_class": row.message_class,
        "purpose": row.purpose,
        "state": state_of(row, now),
        "reason": row.reason,
        "reason_detail": row.reason_detail,
        "held_out": row.held_out,
        "address_hint": masks.address(address.medium, address.value) if address else "",
        "due_at": fields.instant_text(row.due_at),
        "settled_at": fields.instant_or_none(row.settled_at),
        "attempts": row.attempts,
        "provider_message_id": row.provider_message_id,
    }


def _in_state(word: str, now: datetime) -> Q:
    pages.word(word, WORDS, "/state")
    return DUE[word](now) if word in DUE else Q(state=word)


def _id(prefix: str, number: int | None) -> str | None:
    return None if number is None else publicids.encode(prefix, number)
