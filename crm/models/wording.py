"""What people are asked when they are asked for their consent, word for word."""

from __future__ import annotations

from django.db import models

from crm.clock import RealNow
from crm.models.team import User


class Wording(models.Model):
    """One version of a text. Receipts name its `code`; once one does, the text stays as it is (`crm.wordings`)."""

    code = models.CharField(max_length=120)
    purpose = models.CharField(max_length=16)
    language = models.CharField(max_length=8)
    # Empty: wherever no country has a text of its own.
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    version = models.PositiveIntegerField()
    text = models.TextField()
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=RealNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code"], name="wording_code_once"),
            models.UniqueConstraint(fields=["purpose", "language", "country", "version"], name="wording_version_once"),
        ]
