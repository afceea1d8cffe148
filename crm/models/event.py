"""The timeline: every fact is one event. Written by `crm.timeline` alone, never changed.

`Event` lives in a table partitioned by month of `occurred_at` whose real primary key
is `(id, occurred_at)` (decision C4): migration 0002 creates it. Query with a range
of `occurred_at` wherever one is known, and write only through the parent table.
"""

from __future__ import annotations

from django.db import models

from crm.models.contact import Contact


class Event(models.Model):
    """Something a contact did, or that was done to them.

    `occurred_at` is when it happened, `recorded_at` when we were told (business
    time), `received_at` when that was on the machine's clock. `historic` facts are
    folded into everything but start nothing.
    """

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    name = models.CharField(max_length=80, db_collation="C")
    properties = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    channel = models.CharField(max_length=12, default="", db_default="")
    source = models.CharField(max_length=120, default="", db_default="")
    session = models.CharField(max_length=80, default="", db_default="")
    campaign_ref = models.BigIntegerField(null=True)
    context = models.JSONField(default=dict)
    historic = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [
            models.Index(fields=["contact", "name", "occurred_at"], name="event_contact_name"),
            models.Index(fields=["name", "occurred_at"], include=["contact"], name="event_name"),
        ]


class EventKey(models.Model):
    """The same `event_id` is stored once; kept 400 days (decision A13)."""

    event_id = models.CharField(primary_key=True, max_length=200, db_collation="C")
    event = models.BigIntegerField()
    occurred_at = models.DateTimeField()


class Reaction(models.Model):
    """An event that has not been answered yet: the queue beside the append-only timeline.

    Drained per `shard` (contact modulo 16) in the order recorded. An event that
    fails alone is `parked` with its error and shown on the status page.
    """

    event = models.BigIntegerField(primary_key=True)
    occurred_at = models.DateTimeField()
    contact = models.BigIntegerField()
    shard = models.SmallIntegerField()
    tries = models.SmallIntegerField(default=0, db_default=0)
    parked = models.BooleanField(default=False, db_default=False)
    error = models.TextField(default="", db_default="")

    class Meta:
        indexes = [models.Index(fields=["shard", "event"], name="reaction_due", condition=models.Q(parked=False))]
