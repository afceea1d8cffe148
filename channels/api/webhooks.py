"""Webhooks over REST: a program that connects itself says where it listens, and of what it wants to be told."""

from __future__ import annotations

from typing import Any, ClassVar

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels.models import WebhookEndpoint
from channels.webhooks import endpoints, log, telling
from crm import errors, publicids
from crm.rest import fields, pages, shapes
from crm.rest.endpoint import Endpoint, empty


class WebhookDraft(shapes.Shape):
    name = fields.TextField(max_length=120)
    url = fields.TextField(max_length=500, help_text="https:// on the public internet, without user name and password.")
    kinds = serializers.ListField(
        child=fields.TextField(max_length=60), max_length=50,
        help_text='Kinds ("message.bounced") and patterns ("contact.*", "*").',
    )  # fmt: skip


class WebhookEdit(shapes.Shape):
    name = fields.TextField(max_length=120, required=False)
    url = fields.TextField(max_length=500, required=False)
    kinds = serializers.ListField(child=fields.TextField(max_length=60), max_length=50, required=False)
    active = serializers.BooleanField(required=False, help_text="Switched off, what happens is not told later.")


class WebhookShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    active = serializers.BooleanField()
    off_because = serializers.CharField(help_text='"person", or "gone": it answered 410.')
    failing_since = fields.InstantField(allow_null=True)
    arrived_at = fields.InstantField(allow_null=True)
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Of the newest thousand.")
    created_at = fields.InstantField()


class MadeWebhookShape(WebhookShape):
    secret = serializers.CharField(help_text="Signs each call. It is told now and never again.")


class SecretShape(serializers.Serializer[Any]):
    secret = serializers.CharField()
    former_until = fields.InstantField(allow_null=True)


class TestShape(serializers.Serializer[Any]):
    event_id = serializers.CharField(help_text="The webhook-id of the call.")


WebhookPage = shapes.page_of("WebhookPage", WebhookShape)


class Webhooks(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "webhooks.write", "POST": "webhooks.write"}

    @extend_schema(operation_id="webhooks_list", parameters=[*pages.PARAMETERS], responses=WebhookPage)
    def get(self, request: Request) -> Response:
        """Whom we tell, the newest first."""
        rows = WebhookEndpoint.objects.filter(removed_at=None)
        return Response(pages.page(request, rows, ["-id"], represent))

    @extend_schema(operation_id="webhooks_create", request=WebhookDraft, responses={201: MadeWebhookShape})
    @sensitive_variables("secret")
    def post(self, request: Request) -> Response:
        """A new endpoint. Its secret is in this answer alone."""
        row = WebhookEndpoint()
        secret = endpoints.put(row, shapes.read(WebhookDraft, request), self.principal.actor)
        row.refresh_from_db()
        return Response({**represent([row])[0], "secret": secret}, status=201)


class OneWebhook(Endpoint):
    needs: ClassVar[dict[str, str]] = dict.fromkeys(("GET", "PATCH", "DELETE"), "webhooks.write")

    @extend_schema(operation_id="webhooks_retrieve", responses=WebhookShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(represent([endpoint_of(public_id)])[0])

    @extend_schema(operation_id="webhooks_update", request=WebhookEdit, responses=WebhookShape)
    def patch(self, request: Request, public_id: str) -> Response:
        row, said = endpoint_of(public_id), shapes.read(WebhookEdit, request)
        values = {name: said.get(name, getattr(row, name)) for name in ("name", "url", "kinds")}
        if values != {name: getattr(row, name) for name in values}:
            endpoints.put(row, values, self.principal.actor)
        if "active" in said:
            endpoints.switch(row.pk, self.principal.actor, on=said["active"])
        row.refresh_from_db()
        return Response(represent([row])[0])

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, public_id: str) -> Response:
        """Nothing is sent there any more; what waits is dropped."""
        endpoints.remove(endpoint_of(public_id).pk, self.principal.actor)
        return empty()


class Secret(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "webhooks.write"}

    @extend_schema(operation_id="webhooks_roll", request=None, responses=SecretShape)
    @sensitive_variables("secret")
    def post(self, request: Request, public_id: str) -> Response:
        """A new secret; the one before it signs too, for a day."""
        row = endpoint_of(public_id)
        secret = endpoints.roll(row.pk, self.principal.actor)
        row.refresh_from_db()
        return Response({"secret": secret, "former_until": fields.instant_or_none(row.rolled_until)})


class Test(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "webhooks.write"}

    @extend_schema(operation_id="webhooks_test", request=None, responses={202: TestShape})
    def post(self, request: Request, public_id: str) -> Response:
        """One `webhook.test` for this endpoint alone."""
        row = endpoint_of(public_id)
        if not row.active:
            raise errors.Problem("", "wrong_state", "This endpoint is switched off; switch it on first.")
        return Response({"event_id": telling.test(row.pk).event_id}, status=202)


def endpoint_of(public_id: str) -> WebhookEndpoint:
    """Raises Problem where there is none, or none any more."""
    number = publicids.decode("whk", public_id)
    row = WebhookEndpoint.objects.filter(pk=number, removed_at=None).first()
    if row is None:
        raise errors.Problem("", "not_found", "There is no webhook with this id.")
    return row


def represent(rows: list[WebhookEndpoint]) -> list[dict[str, Any]]:
    """As the outside sees them, with how each does. One query for all."""
    known = log.health([row.pk for row in rows])
    return [
        {
            "id": publicids.encode("whk", row.pk), "name": row.name, "url": row.url, "kinds": list(row.kinds),
            "active": row.active, "off_because": row.off_because,
            "failing_since": fields.instant_or_none(row.failing_since),
            "arrived_at": fields.instant_or_none(known[row.pk].arrived_at), "waiting": known[row.pk].waiting,
            "failed": known[row.pk].failed, "created_at": fields.instant_text(row.created_at),
        }
        for row in rows
    ]  # fmt: skip
