"""What people ask of us about their data, what was erased, and what the rounds of retention took away."""

from __future__ import annotations

from django.db import models

from crm.models.contact import Contact
from crm.models.export import ExportJob


class RightsRequest(models.Model):
    """One request of one person. The law gives a month from `asked_at` (GDPR art. 12.3)."""

    class Kind(models.TextChoices):
        ACCESS = "access"
        ERASURE = "erasure"
        CORRECTION = "correction"
        RESTRICTION = "restriction"
        OBJECTION = "objection"

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        REFUSED = "refused"

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # By which door it came: "preferences", "office", "api".
    via = models.CharField(max_length=12)
    state = models.CharField(max_length=8, choices=State.choices, default="open", db_default="open")
    words = models.CharField(max_length=1000, default="", db_default="")
    answer = models.CharField(max_length=1000, default="", db_default="")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=120, default="", db_default="")
    # The copy that was made, and by what its link is known.
    job = models.ForeignKey(ExportJob, on_delete=models.SET_NULL, null=True, db_index=False)
    token_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    # When its letter is wanted, and when it went.
    letter_at = models.DateTimeField(null=True)
    letter_sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "kind"], name="rights_one_open", condition=models.Q(state="open")
            ),
            models.UniqueConstraint(
                fields=["token_hash"], name="rights_token_once", condition=~models.Q(token_hash="")
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="rights_open", condition=models.Q(state="open")),
            models.Index(
                fields=["id"],
                name="rights_letter_due",
                condition=models.Q(letter_at__isnull=False, letter_sent_at__isnull=True),
            ),
        ]


class Erasure(models.Model):
    """One person who was erased, or is about to be: nothing in it says who it was."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"

    contact = models.OneToOneField(Contact, on_delete=models.DO_NOTHING, db_constraint=False)
    state = models.CharField(max_length=8, choices=State.choices, default="waiting", db_default="waiting")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=120)
    # "request", "office", "api", "command" or "retention".
    via = models.CharField(max_length=12)
    # Table -> how many rows went, and how many were emptied.
    removed = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    emptied = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="erasure_waiting", condition=models.Q(state="waiting"))]

    @property
    def went(self) -> int:
        return sum(self.removed.values())

    @property
    def stayed(self) -> int:
        return sum(self.emptied.values())


class RetentionRun(models.Model):
    """One look at a class of data that has had its time."""

    key = models.CharField(max_length=40)
    dry = models.BooleanField(default=False)
    days = models.IntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    removed = models.IntegerField(default=0, db_default=0)
    trouble = models.CharField(max_length=400, default="", db_default="")

    class Meta:
        indexes = [models.Index(fields=["key", "-id"], name="retention_run_key")]
