"""Segments over REST: make, count, list, and why somebody is in or not."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock, errors, patience, publicids, references
from crm.models import Segment, SegmentMember
from crm.rest import fields, pages, shapes
from crm.rest.endpoint import Endpoint
from crm.segments import audience, edit, parse

# A rule somebody is trying out may not hold the database for longer than this.
STATEMENT_TIMEOUT_MS: Final = 20_000


class SegmentDraft(shapes.Shape):
    name = fields.TextField(max_length=200)
    rule = fields.ObjectField(help_text="A tree of all, any, none and leaves: see docs/rules.md.")


class SegmentEdit(shapes.Shape):
    name = fields.TextField(max_length=200, required=False)
    rule = fields.ObjectField(required=False)


class RuleToCount(shapes.Shape):
    rule = fields.ObjectField()
    as_of = fields.InstantField(required=False)


class ContactToExplain(shapes.Shape):
    contact = references.ReferenceField()


class SegmentShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    rule = fields.ObjectField()
    sentence = serializers.CharField()
    revision = serializers.IntegerField()
    count = serializers.IntegerField()
    as_of = fields.InstantField(allow_null=True)
    created_at = fields.InstantField()


SegmentPage = shapes.page_of("SegmentPage", SegmentShape)


class ClauseCount(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    count = serializers.IntegerField()


class CountShape(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    sample = serializers.ListField(child=serializers.CharField())
    per_clause = ClauseCount(many=True)
    as_of = fields.InstantField()


class MemberShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    since = fields.InstantField()


MemberPage = shapes.page_of("MemberPage", MemberShape)


class ClauseShape(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    matches = serializers.BooleanField()
    seen = fields.AnyField()
    needed = fields.AnyField()


class ExplainShape(serializers.Serializer[Any]):
    matches = serializers.BooleanField()
    clauses = ClauseShape(many=True)


class Segments(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "segments.read", "POST": "segments.write"}

    @extend_schema(operation_id="segments_list", parameters=[*pages.PARAMETERS], responses=SegmentPage)
    def get(self, request: Request) -> Response:
        rows = living()
        return Response(pages.page(request, rows, ["-id"], lambda found: [represent(row) for row in found]))

    @extend_schema(operation_id="segments_create", request=SegmentDraft, responses={201: SegmentShape})
    def post(self, request: Request) -> Response:
        draft = shapes.read(SegmentDraft, request)
        made = edit.create(draft["name"], draft["rule"], actor=self.principal.actor, now=clock.now())
        return Response(represent(made), status=201)


class OneSegment(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "segments.read", "PATCH": "segments.write"}

    @extend_schema(operation_id="segments_retrieve", responses=SegmentShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(represent(segment_of(public_id)))

    @extend_schema(operation_id="segments_update", request=SegmentEdit, responses=SegmentShape)
    def patch(self, request: Request, public_id: str) -> Response:
        segment = segment_of(public_id)
        said = shapes.read(SegmentEdit, request)
        changed = edit.update(
            segment, name=said.get("name"), rule=said.get("rule"), actor=self.principal.actor, now=clock.now()
        )
        return Response(represent(changed))


class CountRule(Endpoint):
    """How many a rule would find, some of them, and what each of its clauses finds alone."""

    needs: ClassVar[dict[str, str]] = {"POST": "segments.read"}

    @extend_schema(operation_id="segments_count", request=RuleToCount, responses=CountShape)
    def post(self, request: Request) -> Response:
        said = shapes.read(RuleToCount, request)
        now = said.get("as_of") or clock.now()
        rule = parse.parse(said["rule"])
        with patience.within(STATEMENT_TIMEOUT_MS):
            answer = {
                "count": audience.count(rule, now),
                "sample": [publicids.encode("ctc", contact) for contact in audience.sample(rule, now)],
                "per_clause": [
                    {"sentence": str(clause.sentence()), "count": audience.count(clause, now)}
                    for clause in audience.clauses(rule)
                ],
                "as_of": fields.instant_text(now),
            }
        return Response(answer)


class Members(Endpoint):
    """Who is in, by the order in which they were created."""

    needs: ClassVar[dict[str, str]] = {"GET": "segments.read"}

    @extend_schema(operation_id="segments_members", parameters=[*pages.PARAMETERS], responses=MemberPage)
    def get(self, request: Request, public_id: str) -> Response:
        rows = SegmentMember.objects.filter(segment_id=segment_of(public_id).pk)
        return Response(
            pages.page(
                request,
                rows,
                ["contact_id"],
                lambda found: [
                    {"id": publicids.encode("ctc", row.contact_id), "since": fields.instant_text(row.since)}
                    for row in found
                ],
            )
        )


class ExplainMember(Endpoint):
    needs: ClassVar[dict[str, str]] = {"POST": "segments.read"}

    @extend_schema(operation_id="segments_explain", request=ContactToExplain, responses=ExplainShape)
    def post(self, request: Request, public_id: str) -> Response:
        segment = segment_of(public_id)
        contact_id = references.known(shapes.read(ContactToExplain, request)["contact"])
        return Response(explanation(audience.explain(parse.parse(segment.rule), contact_id, clock.now())))


def living() -> QuerySet[Segment]:
    return Segment.objects.filter(archived_at=None)


def segment_of(text: str) -> Segment:
    found = living().filter(pk=pages.id_in_path("seg", text)).first()
    if found is None:
        raise errors.Problem("", "not_found", "There is no segment with this id.")
    return found


def represent(segment: Segment) -> dict[str, Any]:
    return {
        "id": publicids.encode("seg", segment.pk),
        "name": segment.name,
        "rule": segment.rule,
        "sentence": str(parse.parse(segment.rule).sentence()),
        "revision": segment.revision,
        "count": segment.count,
        "as_of": fields.instant_or_none(segment.as_of),
        "created_at": fields.instant_text(segment.created_at),
    }


def explanation(found: Any) -> dict[str, Any]:
    return {
        "matches": found.matches,
        "clauses": [
            {"sentence": str(each.sentence), "matches": each.matches, "seen": each.seen, "needed": each.needed}
            for each in found.clauses
        ],
    }
