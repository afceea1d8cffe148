"""Contacts that may be the same person. Written by `crm.duplicates` (and `crm.identity`, when they become one)."""

from __future__ import annotations

from django.db import models

from crm.models.contact import Contact


class Duplicate(models.Model):
    """A pair, the older contact first. `reasons`: [{"code", "percent"?}], put into words by `crm.duplicates`."""

    class State(models.TextChoices):
        OPEN = "open"
        DISMISSED = "dismissed"
        MERGED = "merged"

    a = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    b = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    score = models.PositiveSmallIntegerField()
    reasons = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default="open", db_default="open")
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=120, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="duplicate_once"),
            models.CheckConstraint(condition=models.Q(a__lt=models.F("b")), name="duplicate_ordered"),
        ]
        indexes = [
            models.Index(fields=["state", "-score", "-id"], name="duplicate_queue"),
            models.Index(fields=["b"], name="duplicate_b"),
        ]


class DuplicateLook(models.Model):
    """How far the search has come, in one row: identifiers and changes up to these have been looked at."""

    identifier = models.BigIntegerField(default=0)
    change = models.BigIntegerField(default=0)
