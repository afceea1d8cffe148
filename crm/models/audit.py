"""Every change by a person or a key: append-only, chained. Written by `crm.audit.record`."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=160)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    # What the hash covers of both: erasure may empty them, and the salt with which they could be guessed.
    salt = models.CharField(max_length=32, default="", db_default="", db_collation="C")
    digest = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    prev_hash = models.CharField(max_length=64, db_collation="C")
    hash = models.CharField(max_length=64, db_collation="C")

    class Meta:
        indexes = [models.Index(fields=["subject", "at"], name="audit_subject")]
