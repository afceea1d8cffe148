"""The shop's own fields: the one writer of FieldDefinition, and what every door asks about a value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models.signals import post_save
from django.utils.translation import gettext as _

from crm import audit, columns, patience, typed
from crm.errors import Problem
from crm.models import FieldDefinition
from crm.typed import Definition, Known

FRESH_SECONDS = 5.0
_held: tuple[float, Known] | None = None
# Values that do not fit are counted up to here, and for no longer than this.
MANY: Final = 1_000
PATIENCE_MS: Final = 1_500
# When the value under a key, as JSON, is not of the kind. `%(choices)s` is a text[].
MISFIT: Final[Mapping[str, str]] = {
    "text": "jsonb_typeof(v) <> 'string'",
    "number": "jsonb_typeof(v) <> 'number'",
    "date": "cauce_instant(v) IS NULL OR length(v #>> '{}') <> 10",
    "choice": "jsonb_typeof(v) <> 'string' OR NOT v #>> '{}' = ANY(%(choices)s::text[])",
    "list": "jsonb_typeof(v) <> 'array'"
    " OR (cardinality(%(choices)s::text[]) > 0 AND NOT v <@ to_jsonb(%(choices)s::text[]))",
    "boolean": "jsonb_typeof(v) <> 'boolean'",
}


def known() -> Known:
    """The fields in use, by key, in the order of their labels."""
    global _held
    moment = time.monotonic()
    if _held is None or moment - _held[0] > FRESH_SECONDS:
        rows = FieldDefinition.objects.filter(archived_at=None).order_by("label", "pk")
        _held = (moment, {row.key: definition(row) for row in rows})
    return _held[1]


def definition(row: FieldDefinition) -> Definition:
    return Definition(row.key, row.label, row.kind, tuple(row.choices))


def forget(**_: Any) -> None:
    """Read them again at the next question."""
    global _held
    _held = None


post_save.connect(forget, sender=FieldDefinition, dispatch_uid="crm.ownfields.forget")


def add(values: Mapping[str, Any], *, actor: str) -> FieldDefinition:
    """Define a field: `key`, `label`, `kind`, `choices`. Raises Problem."""
    row = FieldDefinition(
        key=values["key"], label=values["label"], kind=values["kind"], choices=list(values.get("choices") or [])
    )
    columns.free_fields({row.key: None})
    _sound(row)
    try:
        with transaction.atomic():
            row.save()
            audit.record(actor, "field.add", f"field:{row.key}", None, _told(row))
    except IntegrityError:
        raise Problem("/key", "taken", _("There is a field of this name already.")) from None
    return row


def change(number: int, values: Mapping[str, Any], *, actor: str) -> FieldDefinition:
    """Another label, kind or other choices. What people hold stays as it is; new values must fit."""
    with transaction.atomic():
        row = FieldDefinition.objects.select_for_update().get(pk=number)
        before = _told(row)
        row.label, row.kind, row.choices = values["label"], values["kind"], list(values.get("choices") or [])
        _sound(row)
        row.save()
        if before != _told(row):
            audit.record(actor, "field.change", f"field:{row.key}", before, _told(row))
    return row


def archive(number: int, at: datetime | None, *, actor: str) -> FieldDefinition:
    """Out of the forms (`at`), or back in them (None). Values stay with their people."""
    with transaction.atomic():
        row = FieldDefinition.objects.select_for_update().get(pk=number)
        row.archived_at = at
        row.save(update_fields=["archived_at"])
        audit.record(actor, "field.archive" if at else "field.restore", f"field:{row.key}", None, None)
    return row


def misfits(wanted: Definition) -> int | None:
    """How many people hold a value that does not fit, at most MANY + 1; None when counting takes too long."""
    condition = MISFIT[wanted.kind]
    try:
        with patience.within(PATIENCE_MS) as cursor:
            cursor.execute(
                f"""SELECT count(*) FROM (
                      SELECT FROM crm_contact, LATERAL (SELECT fields -> %(key)s AS v) AS held
                      WHERE v IS NOT NULL AND v <> 'null' AND merged_into_id IS NULL AND ({condition})
                      LIMIT %(most)s) AS found""",  # noqa: S608 - our own words
                {"key": wanted.key, "choices": list(wanted.choices), "most": MANY + 1},
            )
            return int(cursor.fetchone()[0])
    except patience.TooSlow:
        return None


def _sound(row: FieldDefinition) -> None:
    if row.kind not in typed.KINDS:
        raise Problem("/kind", "unknown", _("Choose what the field holds."))
    if not row.label.strip():
        raise Problem("/label", "empty", _("Give the field a name people read."))
    lowered = [each.lower() for each in row.choices]
    if row.kind == "choice" and not row.choices:
        raise Problem("/choices", "empty", _("Write the choices, one a line."))
    if len(lowered) > typed.MOST_CHOICES or any(len(each) > columns.LONGEST_TEXT for each in lowered):
        raise Problem("/choices", "too_many", _("These are too many, or one of them is too long."))
    if len(set(lowered)) < len(lowered):
        raise Problem("/choices", "twice", _("One of the choices stands there twice."))
    if row.kind not in ("choice", "list"):
        row.choices = []


def _told(row: FieldDefinition) -> dict[str, Any]:
    return {"label": row.label, "kind": row.kind, "choices": list(row.choices)}
