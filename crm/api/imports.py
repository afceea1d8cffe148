"""Imports over REST: the same steps and the same rounds as on the screen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import IO, Any, ClassVar, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock, errors, publicids, sources, words
from crm.errors import Problem, Problems
from crm.imports import files, kinds, steering
from crm.imports.cells import ORDERS
from crm.imports.staging import POLICIES
from crm.models import ImportJob, ImportReject
from crm.rest import bodies, fields, pages, shapes
from crm.rest.endpoint import Endpoint

MOST: Final = 10_000
NOTHING: Final = Problem("", "not_found", "There is no import with this id.")
JSON_PARTS: Final = ("mapping", "consent", "keep", "dry_run")


class ImportConsent(shapes.Shape):
    """What all of them agreed to; without it they come in as not asked."""

    purposes = serializers.ListField(child=fields.WordField(words.PURPOSES), min_length=1, max_length=20)
    channels = serializers.ListField(child=fields.WordField(words.CHANNELS), min_length=1, max_length=20)
    basis = fields.WordField(words.BASES)
    method = fields.WordField(words.METHODS, required=False)
    source = fields.TextField(max_length=300, help_text="Where they said it.")  # type: ignore[assignment]
    occurred_at = fields.InstantField()
    wording = fields.TextField(max_length=64, required=False, allow_blank=True)


class Told(shapes.Shape):
    """What is said of the rows, however they come."""

    kind = fields.WordField(kinds.KINDS)
    name = fields.TextField(max_length=200, required=False, help_text="By what people find it again.")
    mapping = serializers.DictField(
        child=fields.TextField(max_length=300), required=False, help_text="What → column; guessed where it is left out."
    )
    dates = fields.WordField(ORDERS, required=False, help_text="Which comes first in 03/04/2026: day or month.")
    policy = fields.WordField(POLICIES, required=False, help_text="What becomes of whom we know; fill by default.")
    keep = serializers.ListField(
        child=fields.TextField(max_length=100), required=False, max_length=200,
        help_text="Fields of which ours stands though the others are overwritten.",
    )  # fmt: skip
    source = fields.WordField(  # type: ignore[assignment]
        sources.KINDS, required=False, help_text="Where the rows come from, where the shop ranks its sources."
    )
    consent = ImportConsent(required=False)
    dry_run = fields.TruthField(required=False, help_text="Check it only; start it later.")


class ImportDraft(Told):
    rows = serializers.ListField(
        child=fields.ObjectField(), max_length=MOST, allow_empty=False, help_text="Objects, one for each row."
    )


class ImportUpload(Told):
    """`multipart/form-data`; mapping, consent, keep and dry_run as JSON text."""

    file = serializers.FileField(help_text="CSV, TSV, XLSX or JSON, at most 250 MB.")


class SentFile(Told):
    """An upload as the parser has read it: `file` is its fingerprint."""

    file = serializers.CharField()


class ImportShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=ImportJob.State.values)
    mapping = serializers.DictField(child=serializers.CharField())
    total = serializers.IntegerField(help_text="Rows in the file, about.")
    rows = serializers.IntegerField(help_text="created + updated + unchanged + rejected")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    rejected = serializers.IntegerField()
    outranked = serializers.IntegerField(help_text="Rows of which a more believed source kept a value as it is.")
    check = fields.ObjectField(help_text="What the check found: rows by verdict, and by reason.")
    undo_until = fields.InstantField(allow_null=True, help_text="Null: it cannot be taken back.")
    undone = serializers.IntegerField()
    stayed = serializers.DictField(child=serializers.IntegerField(), help_text="What was not taken back, by reason.")
    trouble = serializers.CharField(allow_blank=True)


class RejectShape(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    cells = serializers.ListField(child=serializers.CharField(allow_blank=True))


RejectPage = shapes.page_of("ImportRejectPage", RejectShape)


class FileParser(MultiPartParser):
    """One file, and what is said of it. The view keeps the upload; the data says by what it is known."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = dict(parser_context or {})
        bodies.refuse_declared(context["request"].META, files.LARGEST + bodies.SINGLE_CAP)
        found: Any = super().parse(stream, media_type, context)
        said = {name: _json(name, text) for name, text in found.data.dict().items()}
        upload = found.files.get("file")
        if upload is not None:
            context["view"].upload = upload
            digest = hashlib.sha256()
            for part in upload.chunks():
                digest.update(part)
            said["file"] = digest.hexdigest()
        return said


def _json(name: str, text: str) -> Any:
    if "\0" in text:
        raise Problem(f"/{name}", "nul", "Text may not contain the character NUL.")
    return bodies.decode(text.encode(), bodies.SINGLE_CAP) if name in JSON_PARTS else text


class Imports(Endpoint):
    """A file or rows come in; a worker brings them. `dry_run`: only checked, until it is started."""

    parser_classes = (bodies.JsonParser, FileParser)  # type: ignore[assignment]
    body_cap = bodies.BATCH_CAP
    needs: ClassVar[dict[str, str]] = {"POST": "imports.write"}
    upload: files.Upload | None = None

    @extend_schema(
        operation_id="imports_create",
        request={"application/json": ImportDraft, "multipart/form-data": ImportUpload},
        responses={202: ImportShape},
    )
    def post(self, request: Request) -> Response:
        request.data  # noqa: B018 - reads the body, and with it the upload
        said = shapes.read(SentFile if self.upload is not None else ImportDraft, request)
        kept = files.keep(self.upload) if self.upload is not None else _kept(said)
        job = steering.begin(kept, said["kind"], owner=None, now=clock.now(), asker=self.principal.actor)
        try:
            _say(job, said)
            if said.get("dry_run"):
                steering.check(job)
            else:
                steering.start(job, actor=self.principal.actor, unchecked=True)
        except (Problem, Problems):
            steering.cancel(job, actor=self.principal.actor)
            raise
        return Response(represent(job), status=202)


class OneImport(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "imports.write"}

    @extend_schema(operation_id="imports_read", responses=ImportShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(represent(_job(public_id)))


class Rejected(Endpoint):
    needs: ClassVar[dict[str, str]] = {"GET": "imports.write"}

    @extend_schema(operation_id="imports_rejected", parameters=[*pages.PARAMETERS], responses=RejectPage)
    def get(self, request: Request, public_id: str) -> Response:
        job = _job(public_id)
        checked = job.state in (ImportJob.State.CHECKED, ImportJob.State.CHECKING, ImportJob.State.DRAFT)
        rows = ImportReject.objects.filter(job=job, checked=checked)
        return Response(pages.page(request, rows, ["line", "id"], _rejects))


class ImportVerb(shapes.Shape):
    """Nothing needs to be said."""


class Steered(Endpoint):
    """Go, go on, wait, end, or take back; what it is at then."""

    needs: ClassVar[dict[str, str]] = {"POST": "imports.write"}
    steer: ClassVar[Callable[..., None]]

    def moved(self, request: Request, public_id: str) -> Response:
        shapes.read(ImportVerb, request)
        job = _job(public_id)
        type(self).steer(job, actor=self.principal.actor)
        return Response(represent(_job(public_id)), status=202)


class Start(Steered):
    steer = steering.start

    @extend_schema(operation_id="imports_start", request=ImportVerb, responses={202: ImportShape})
    def post(self, request: Request, public_id: str) -> Response:
        return self.moved(request, public_id)


class Pause(Steered):
    steer = steering.pause

    @extend_schema(operation_id="imports_pause", request=ImportVerb, responses={202: ImportShape})
    def post(self, request: Request, public_id: str) -> Response:
        return self.moved(request, public_id)


class Cancel(Steered):
    steer = steering.cancel

    @extend_schema(operation_id="imports_cancel", request=ImportVerb, responses={202: ImportShape})
    def post(self, request: Request, public_id: str) -> Response:
        return self.moved(request, public_id)


class Undo(Steered):
    steer = steering.undo

    @extend_schema(operation_id="imports_undo", request=ImportVerb, responses={202: ImportShape})
    def post(self, request: Request, public_id: str) -> Response:
        return self.moved(request, public_id)


def represent(job: ImportJob) -> dict[str, Any]:
    found = job.check_found or {}
    until = job.finished_at + timedelta(days=steering.UNDO_DAYS) if job.finished_at else None
    sums = ("total", "rows", "created", "updated", "unchanged", "rejected", "outranked", "undone", "stayed", "trouble")
    return {
        "id": publicids.encode("imp", job.pk),
        "kind": job.kind,
        "name": job.filename,
        "state": str(job.state),
        "mapping": job.mapping,
        "check": {name: found[name] for name in ("verdicts", "reasons") if name in found},
        "undo_until": fields.instant_text(until) if until and steering.undoable(job, clock.now()) else None,
        **{name: getattr(job, name) for name in sums},
    }


def _kept(said: dict[str, Any]) -> files.Kept:
    try:
        return files.of_rows(said["rows"], said.get("name", ""))
    except Problem as problem:
        raise Problem("/rows", problem.code, problem.detail) from None


def _say(job: ImportJob, said: dict[str, Any]) -> None:
    """Columns and consent. Raises Problems with what must be said before it can come in."""
    heads = steering.sample(job).heads
    columns = said.get("mapping", job.mapping)
    unknown = [
        Problem(f"/mapping/{target}", "unknown_column", f"There is no column {head!r}; there are: {', '.join(heads)}.")
        for target, head in columns.items()
        if head not in heads
    ]
    if unknown:
        raise Problems(unknown)
    reading: dict[str, Any] = {name: said[name] for name in ("dates", "policy", "keep", "source") if name in said}
    steering.say_columns(job, columns, reading)
    if wrong := steering.problems(job, steering.sample(job)):
        raise Problems([problem.under("/mapping") if problem.pointer != "/dates" else problem for problem in wrong])
    if "consent" not in said:
        return
    if job.kind != "contacts":
        raise Problem("/consent", "not_here", "Only contacts bring a consent.")
    told = said["consent"]
    if not told["source"].strip():
        raise Problem("/consent/source", "required", "A consent needs its source: it is the proof of it.")
    try:
        steering.say_consent(job, {**told, "occurred_at": told["occurred_at"].isoformat()})
    except Problems as several:
        raise Problems([each.under("/consent") for each in several.problems]) from None


def _rejects(rows: list[ImportReject]) -> list[dict[str, Any]]:
    return [{"line": row.line, "code": row.code, "detail": row.detail, "cells": row.cells} for row in rows]


def _job(public_id: str) -> ImportJob:
    try:
        number = publicids.decode("imp", public_id)
    except errors.Problem:
        raise NOTHING from None
    found = ImportJob.objects.filter(pk=number).exclude(asked_at=None).first()
    if found is None:
        raise NOTHING
    return found
