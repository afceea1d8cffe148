"""A copy of all data of one contact over REST: ask for it, see whether it is made, take it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock, errors, exports, exports_files, publicids
from crm.models import Contact, ExportJob
from crm.rest import fields, pages, shapes
from crm.rest.endpoint import Endpoint
from crm.rights import access_files

NOBODY = errors.Problem("", "not_found", "There is no contact with this id.")
NOTHING = errors.Problem("", "not_found", "There is no copy of this number, or it is not made yet, or gone.")


class CopyDraft(shapes.Shape):
    """Nothing needs to be said."""


class CopyShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    contact = serializers.CharField()
    state = serializers.ChoiceField(choices=ExportJob.State.values)
    asked_at = fields.InstantField()
    ready_at = fields.InstantField(allow_null=True)
    expires_at = fields.InstantField()


class Copies(Endpoint):
    """Made by a worker; there for a day, for keys that may ask for one."""

    needs: ClassVar[dict[str, str]] = {"POST": "rights.write"}

    @extend_schema(operation_id="contacts_export", request=CopyDraft, responses={202: CopyShape})
    def post(self, request: Request, public_id: str) -> Response:
        shapes.read(CopyDraft, request)
        wish = access_files.wish(_contact(public_id))
        wish.which["key"] = self.principal.actor
        return Response(represent(exports.ask(wish, owner=None, actor=self.principal.actor)), status=202)


class OneCopy(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "rights.write"}

    @extend_schema(operation_id="contacts_export_state", responses=CopyShape)
    def get(self, request: Request, public_id: str, number: str) -> Response:
        return Response(represent(_job(public_id, number)))


class CopyFile(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "rights.write"}

    @extend_schema(operation_id="contacts_export_file", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, public_id: str, number: str) -> HttpResponseBase:
        job = _job(public_id, number)
        path = exports.folder() / job.path
        if job.state != ExportJob.State.READY or job.expires_at <= clock.now() or not path.is_file():
            raise NOTHING
        return FileResponse(
            path.open("rb"), as_attachment=True, filename=f"{job.name}.{job.form}",
            content_type=exports_files.TYPES[job.form],
        )  # fmt: skip


def represent(job: ExportJob) -> dict[str, Any]:
    return {
        "number": job.pk,
        "contact": publicids.encode("ctc", int(job.wish["which"]["contact"])),
        "state": job.state,
        "asked_at": fields.instant_text(job.asked_at),
        "ready_at": fields.instant_or_none(job.ready_at),
        "expires_at": fields.instant_text(job.expires_at),
    }


def _contact(public_id: str) -> int:
    """Archived ones too: they have the same right."""
    found = Contact.objects.filter(pk=pages.id_in_path("ctc", public_id), erased_at=None).first()
    while found is not None and found.merged_into_id is not None:
        found = Contact.objects.filter(pk=found.merged_into_id, erased_at=None).first()
    if found is None:
        raise NOBODY
    return found.pk


def _job(public_id: str, number: str) -> ExportJob:
    """One that was asked for here: what a person asked for themselves has a link of its own."""
    contact = str(_contact(public_id))
    safe = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
    mine = ExportJob.objects.filter(what=access_files.WHAT, owner=None, wish__which__contact=contact)
    job = mine.filter(pk=safe, wish__which__has_key="key").first()
    if job is None:
        raise NOTHING
    return job
