"""How people come in: what waits to start, what was refused, which dates have fired."""

from __future__ import annotations

from django.db import models

from campaigns.models.campaign import Campaign, Version
from crm.models.contact import Contact


class PendingEntry(models.Model):
    """A debounced entry: it starts when it has been quiet until `due_at`; each new event moves that."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    entry_index = models.SmallIntegerField()
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    key = models.CharField(max_length=120, default="", db_default="", db_collation="C")
    event = models.BigIntegerField()
    entry = models.JSONField()
    occurred_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "entry_index", "contact", "key"], name="pendingentry_once")
        ]
        indexes = [
            models.Index(fields=["due_at"], name="pendingentry_due"),
            models.Index(fields=["contact"], name="pendingentry_contact"),
        ]


class Occurrence(models.Model):
    """One firing of a schedule at one local moment; unique, so that two beats run it once.

    `cursor` is the last contact id enrolled, so that a killed worker goes on from there.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_index=False)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, db_index=False)
    entry_index = models.SmallIntegerField()
    local = models.CharField(max_length=40)
    zone = models.CharField(max_length=64, default="", db_default="")
    due_at = models.DateTimeField()
    cursor = models.BigIntegerField(default=0)
    audience = models.IntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "entry_index", "local", "zone"], name="occurrence_once")
        ]
        indexes = [models.Index(fields=["due_at"], name="occurrence_due", condition=models.Q(done_at__isnull=True))]


class Candidate(models.Model):
    """Somebody a campaign has considered: the audience, written before it is decided who enters.

    It is the independent count that entered and refused people are held against (decision B23).
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="candidate_once")]


class Refusal(models.Model):
    """A candidate who did not enter, and why (decision A23); kept 90 days, then counted."""

    campaign = models.ForeignKey(Campaign, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=24)
    detail = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "contact", "reason", "event"], nulls_distinct=False, name="refusal_once"
            )
        ]
        indexes = [models.Index(fields=["at"], name="refusal_age")]


class RefusalCount(models.Model):
    """Refusals older than their retention, as numbers."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_index=False)
    reason = models.CharField(max_length=24)
    n = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "reason"], name="refusalcount_once")]
