"""Test messages: what people here sent to themselves to look at. They are no messages of the outbox."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.clock import BusinessNow


class Trial(models.Model):
    """One test and how its carrier took it. `recipient` is the sender's own address or number."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+")
    channel = models.CharField(max_length=12)
    recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=998, default="", db_default="")
    outcome = models.CharField(max_length=12)
    detail = models.CharField(max_length=500, default="", db_default="")
    at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [models.Index(fields=["user", "at"], name="trial_of_user")]
