"""A campaign, and the versions of it that were published (immutable)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm.clock import BusinessNow


class Campaign(models.Model):
    """What somebody works on. `document` is the JSON of `docs/journey.md`, the draft of the next version.

    `salt` seeds holdout and random splits; `paused_at` is set while paused.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        LIVE = "live"
        PAUSED = "paused"
        FINISHED = "finished"
        STOPPED = "stopped"

    name = models.CharField(max_length=200)
    document = models.JSONField()
    revision = models.IntegerField(default=1)
    state = models.CharField(max_length=10, choices=State.choices, default="draft")
    purpose = models.CharField(max_length=16, default="offers")
    message_class = models.CharField(max_length=16, default="marketing")
    objective = models.CharField(max_length=24, default="", blank=True)
    priority = models.SmallIntegerField(default=50)
    salt = models.UUIDField(default=uuid.uuid4)
    version = models.ForeignKey(
        "campaigns.Version", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    published_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True)
    # What the background still has to do to its runs, and the contact it has come to (decision B7).
    sweep = models.CharField(max_length=8, default="", db_default="", blank=True)
    sweep_cursor = models.BigIntegerField(default=0, db_default=0)
    ended_at = models.DateTimeField(null=True)
    # Put away: out of the list, of nothing else; only what does not run is.
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [
            models.Index(fields=["state"], name="campaign_state"),
            models.Index(fields=["id"], name="campaign_sweep", condition=~models.Q(sweep="")),
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """A published journey, frozen: a trigger refuses any change of it (I13).

    `contents` maps step id -> id of its `channels.Content`. `exit_events` and `concurrency`
    are taken out of the document for SQL that asks many runs at once.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.IntegerField()
    document = models.JSONField()
    hash = models.CharField(max_length=64)
    contents = models.JSONField(default=dict)
    exit_events = ArrayField(models.CharField(max_length=80), default=list)
    concurrency = models.CharField(max_length=16, default="one_per_contact")
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=160, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="version_once")]
