"""Segments, who is in them, and how that changed. Members are written by `crm.segments.audience`."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm.clock import BusinessNow
from crm.models.contact import Contact


class Segment(models.Model):
    """A rule with a name; its members are kept up after each event.

    `mentions` are the compiled things that touch the rule (see `crm.segments`);
    `scanned_to` is the business instant up to which time alone has been followed.
    """

    name = models.CharField(max_length=200)
    description = models.CharField(max_length=500, default="", db_default="", blank=True)
    rule = models.JSONField()
    # What a fixed list was taken from, where it was taken from a rule.
    taken_from = models.JSONField(null=True)
    revision = models.IntegerField(default=1)
    mentions = ArrayField(models.CharField(max_length=200), default=list)
    count = models.IntegerField(default=0)
    as_of = models.DateTimeField(null=True)
    scanned_to = models.DateTimeField(null=True)
    # The revision whose members stand in SegmentMember; behind `revision`: a full run is due.
    built_revision = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())
    updated_at = models.DateTimeField(db_default=BusinessNow())
    # Goes up with every save by a person; `revision` with those of the rule alone.
    edition = models.IntegerField(default=1, db_default=1)

    class Meta:
        indexes = [
            models.Index(fields=["name"], name="segment_name"),
            models.Index(
                fields=["-updated_at", "-id"], name="segment_updated", condition=models.Q(archived_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    segment = models.ForeignKey(Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "contact"], name="member_once")]
        indexes = [models.Index(fields=["contact"], name="member_contact")]


class SegmentChange(models.Model):
    """Somebody came in or left, when and why (append-only)."""

    segment = models.ForeignKey(Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    joined = models.BooleanField()
    at = models.DateTimeField()
    why = models.CharField(max_length=200, default="", db_default="")

    class Meta:
        indexes = [models.Index(fields=["segment", "contact", "at"], name="segmentchange_who")]


class Dirty(models.Model):
    """A contact about whom something changed that rules may mention (a queue, duplicates allowed).

    `mention`: "contact.country", "fields.shoe_size", "consent", "event:Order Completed",
    "segment:12", "stage" …, or "*" for anything. Events need no row: their reaction does it.
    """

    contact = models.BigIntegerField()
    mention = models.CharField(max_length=200)
