"""What came in from files, and what became of each row."""

from __future__ import annotations

from django.db import models


class ImportJob(models.Model):
    """One file read once. `created + updated + unchanged + rejected = rows` when it is finished."""

    kind = models.CharField(max_length=16)
    filename = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    consent = models.JSONField(null=True)
    rows = models.IntegerField(default=0)
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    rejected = models.IntegerField(default=0)
    rejected_file = models.CharField(max_length=400, default="", db_default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
