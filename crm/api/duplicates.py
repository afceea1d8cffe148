"""Pairs of contacts that may be the same person, over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import errors, publicids
from crm.api import people
from crm.models import Contact, Duplicate
from crm.rest import fields, pages, shapes
from crm.rest.endpoint import Endpoint

STATES: Final = tuple(Duplicate.State.values)


class LikenessShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    percent = serializers.IntegerField(required=False)


class DuplicateShape(serializers.Serializer[Any]):
    contacts = serializers.ListField(child=serializers.CharField(), help_text="The two ids, the older contact first.")
    score = serializers.IntegerField(help_text="0 to 99.")
    reasons = LikenessShape(many=True)
    state = serializers.ChoiceField(choices=STATES)
    found_at = fields.InstantField()


DuplicatePage = shapes.page_of("DuplicatePage", DuplicateShape)


class Duplicates(Endpoint):
    """The newest first. A store sees the pairs of which both are its own people."""

    needs: ClassVar[dict[str, str]] = {"GET": "contacts.read"}

    @extend_schema(
        operation_id="contacts_duplicates",
        parameters=[OpenApiParameter("state", str, enum=STATES), *pages.PARAMETERS],
        responses=DuplicatePage,
    )
    def get(self, request: Request) -> Response:
        state = request.query_params.get("state", "open")
        if state not in STATES:
            raise errors.Problem("/state", "not_a_choice", f"One of {', '.join(STATES)}.")
        rows = Duplicate.objects.filter(state=state)
        if self.principal.stores is not None:
            mine = people.visible(Contact.objects.all(), self.principal).values("pk")
            rows = rows.filter(a__in=mine, b__in=mine)
        return Response(pages.page(request, rows, ["-id"], represent))


def represent(rows: Sequence[Duplicate]) -> list[dict[str, Any]]:
    return [
        {
            "contacts": [publicids.encode("ctc", row.a_id), publicids.encode("ctc", row.b_id)],
            "score": row.score,
            "reasons": row.reasons,
            "state": row.state,
            "found_at": fields.instant_text(row.found_at),
        }
        for row in rows
    ]
