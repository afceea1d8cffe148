"""`GET fields/`: the shop's own fields, for whoever writes contacts."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import ownfields, typed
from crm.rest import fields
from crm.rest.endpoint import Endpoint


class FieldShape(serializers.Serializer[Any]):
    key = serializers.CharField(help_text='The name under "fields" of a contact.')
    label = serializers.CharField()  # type: ignore[assignment]
    kind = fields.WordField(typed.KINDS)
    choices = serializers.ListField(child=serializers.CharField())


class FieldsShape(serializers.Serializer[Any]):
    results = FieldShape(many=True)


class OwnFields(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "contacts.read"}

    @extend_schema(operation_id="fields_list", responses=FieldsShape)
    def get(self, request: Request) -> Response:
        """All of them, by label. A field that is not here may hold anything."""
        del request
        return Response(
            {
                "results": [
                    {"key": each.key, "label": each.label, "kind": each.kind, "choices": list(each.choices)}
                    for each in ownfields.known().values()
                ]
            }
        )
