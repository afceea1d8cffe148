"""The fields a shop keeps of its contacts beside the standard ones."""

from __future__ import annotations

from django.db import models

from crm.clock import RealNow


class FieldDefinition(models.Model):
    """What one of the shop's own fields may hold (`crm.ownfields` writes it, `crm.typed` reads values by it).

    Values live in `Contact.fields` under `key`, which never changes: rules, templates and integrations name it.
    A field that nobody defined may hold anything.
    """

    class Kind(models.TextChoices):
        TEXT = "text"
        NUMBER = "number"
        DATE = "date"
        CHOICE = "choice"
        LIST = "list"
        BOOLEAN = "boolean"

    key = models.CharField(max_length=80, db_collation="C")
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    choices = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=RealNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="field_once")]

    def __str__(self) -> str:
        return self.label
