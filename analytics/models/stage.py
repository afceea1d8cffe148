"""The funnel stage of each contact and how they came there. Written by `analytics.reactions` alone."""

from __future__ import annotations

from django.db import models

from crm.models.contact import Contact


class ContactStage(models.Model):
    contact = models.OneToOneField(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True
    )
    stage = models.CharField(max_length=24)
    since = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["stage"], name="contactstage_stage")]


class StageChange(models.Model):
    """From one stage to another, and the event that caused it (append-only)."""

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    before = models.CharField(max_length=24, default="", db_default="")
    after = models.CharField(max_length=24)
    at = models.DateTimeField()
    cause = models.CharField(max_length=80, default="", db_default="")
    event = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "event"], name="stagechange_once_an_event",
                                    condition=models.Q(event__isnull=False)),
        ]
        indexes = [models.Index(fields=["contact", "at"], name="stagechange_contact")]
