"""Files that were asked for and are too large to wait for."""

from __future__ import annotations

from django.db import models

from crm.models.team import User


class ExportJob(models.Model):
    """One file for one person, for a day."""

    class State(models.TextChoices):
        ASKED = "asked"
        READY = "ready"
        FAILED = "failed"
        GONE = "gone"

    # Nobody: a copy that a customer asked for, opened by the link of its request.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    what = models.CharField(max_length=16)
    wish = models.JSONField(default=dict)
    form = models.CharField(max_length=8)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default="asked", db_default="asked")
    path = models.CharField(max_length=200, default="", db_default="")
    rows = models.IntegerField(default=0, db_default=0)
    trouble = models.CharField(max_length=400, default="", db_default="")
    lease_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["id"], name="export_due", condition=models.Q(state="asked"))]
