"""The funnel stage of each contact and how they came there. Written by `analytics.stages` alone."""

from __future__ import annotations

from django.db import models

from crm.models.contact import Contact


class ContactStage(models.Model):
    """The fold of a contact's facts (`analytics.funnel`); no row: no fact that counts yet.

    `tally` counts the facts the ladder speaks of; `quiet_at` is the newest of those
    whose silence ends a stage (the last purchase).
    """

    contact = models.OneToOneField(Contact, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True)
    stage = models.CharField(max_length=24)
    since = models.DateTimeField()
    tally = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    quiet_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["stage", "quiet_at"], name="contactstage_quiet")]


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
            models.UniqueConstraint(
                fields=["contact", "event"], name="stagechange_once_an_event", condition=models.Q(event__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["contact", "at"], name="stagechange_contact")]
