"""Webhooks: which integrators are told what happens here, and what became of each telling."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from crm.clock import RealNow
from crm.models import Contact


class WebhookEndpoint(models.Model):
    """An address of an integrator and the kinds of events it is told (`contact.created`, `message.*`).

    `secrets` is encrypted: the one that signs, and while a roll lasts (`rolled_until`) the one before it.
    """

    name = models.CharField(max_length=120)
    url = models.CharField(max_length=500)
    kinds = ArrayField(models.CharField(max_length=60), default=list)
    secrets = models.TextField()
    rolled_until = models.DateTimeField(null=True)
    active = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=RealNow())
    made_by = models.CharField(max_length=120, default="", db_default="")
    # "" while it is on; "person", or "gone": it answered 410.
    off_because = models.CharField(max_length=8, default="", db_default="", blank=True)
    # Since when nothing has arrived; a page says so, and nothing is switched off by itself before all tries are over.
    failing_since = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event for one endpoint: a row of a queue until it arrived or its 8 tries over 24 h are used up.

    `event_id` is what the receiver recognises a repetition by (`webhook-id`); `payload` is sent byte for byte.
    Times are the machine's.
    """

    class State(models.TextChoices):
        DUE = "due"
        DONE = "done"
        FAILED = "failed"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, db_index=False)
    event_id = models.CharField(max_length=60, db_collation="C")
    kind = models.CharField(max_length=60)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, null=True)
    payload = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default="due", db_default="due")
    due_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0, db_default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=RealNow())
    done_at = models.DateTimeField(null=True)
    # `[{"at", "status", "ms", "detail"}]`, one for each try.
    log = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_once")]
        indexes = [
            # By the endpoint first: what waits for a slow one is not looked through for the others.
            models.Index(fields=["endpoint", "due_at"], name="webhook_next", condition=Q(state="due")),
            models.Index(fields=["endpoint", "-id"], name="webhook_recent"),
            models.Index(fields=["created_at"], name="webhook_age"),
        ]
