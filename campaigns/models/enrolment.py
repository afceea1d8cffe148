"""A run: one contact (or one key of theirs) travelling one published version.

Written by `campaigns.runs` alone. A run is always in exactly one state, for exactly
one cause; a CHECK holds it:
  due         due_at
  waiting     due_at is the deadline; subscriptions may end it sooner
  in_effect   message is on its way; its outcome makes the run due
  held        the campaign is paused (`held_from` says which state to go back to)
  done        outcome
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from campaigns.models.campaign import Campaign, Version
from crm.models.contact import Contact


class Enrolment(models.Model):
    class State(models.TextChoices):
        DUE = "due"
        WAITING = "waiting"
        IN_EFFECT = "in_effect"
        HELD = "held"
        DONE = "done"

    campaign = models.ForeignKey(Campaign, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    version = models.ForeignKey(Version, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    key = models.CharField(max_length=120, default="", db_default="", db_collation="C")
    entry_seq = models.IntegerField(default=1, db_default=1)
    # What may be active once at a time: '' for one_per_contact, the key for one_per_key (decision A11).
    lane = models.CharField(max_length=140, default="", db_default="", db_collation="C")
    entry_index = models.SmallIntegerField(default=0, db_default=0)
    edition = models.BooleanField(default=False, db_default=False)
    held_out = models.BooleanField(default=False, db_default=False)

    state = models.CharField(max_length=9, default="due", db_default="due", db_collation="C")
    held_from = models.CharField(max_length=9, default="", db_default="", db_collation="C")
    # The instant it was frozen: resuming moves its time on by what has passed since (decision B7).
    held_at = models.DateTimeField(null=True)
    # Position: the id of the step it stands before or rests in; never an index. '' is the start.
    step = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    # The port a finished wait or message left by, for the engine to go on with.
    port = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    due_at = models.DateTimeField(null=True)
    message_id = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=40, default="", db_default="")
    # Times through the steps of a `goto` cycle: {step id: n} (decision B8).
    loops = models.JSONField(null=True)
    # {"event": name, "id", "occurred_at", "properties", "cart": {...}} of the entry; <= 64 KB.
    entry = models.JSONField(null=True)
    entry_occurred_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    # Facts from this instant on may end a wait (decision B13): when its last wait ended; a send
    # does not move it, so a purchase while the mail was being sent counts.
    rested_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "contact", "key", "entry_seq"], name="enrolment_once"),
            # Also how the active runs of a contact are found; a campaign's are found by the key above.
            models.UniqueConstraint(
                fields=["contact", "campaign", "lane"], condition=~Q(state="done"), name="enrolment_one_active"
            ),
            models.CheckConstraint(
                name="enrolment_one_cause",
                condition=(
                    Q(state="due", due_at__isnull=False, outcome="", message_id__isnull=True)
                    | Q(state="waiting", due_at__isnull=False, outcome="", message_id__isnull=True)
                    | Q(state="in_effect", message_id__isnull=False, due_at__isnull=True, outcome="")
                    | (Q(state="held", outcome="") & ~Q(held_from=""))
                    | (Q(state="done", due_at__isnull=True) & ~Q(outcome=""))
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="enrolment_due", condition=Q(state__in=["due", "waiting"])),
        ]


class Subscription(models.Model):
    """What a waiting run listens to (decision B13). Written in the transaction that rests it.

    `match_path`/`match_value`: the event's value at the path must be the value, or be
    absent. `branch` is the index of the branch in the step, `since` when the run left
    its previous rest: a fact from then on counts.
    """

    run = models.ForeignKey(Enrolment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event_name = models.CharField(max_length=80, db_collation="C")
    match_path = models.CharField(max_length=200, null=True, db_collation="C")
    match_value = models.CharField(max_length=200, null=True, db_collation="C")
    branch = models.SmallIntegerField()
    port = models.CharField(max_length=64, db_collation="C")
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "branch"], name="subscription_once")]
        indexes = [models.Index(fields=["contact", "event_name"], name="subscription_contact")]


class Visit(models.Model):
    """What was decided at a step, and why (append-only, partitioned by month of `at`: migration 0002)."""

    run = models.ForeignKey(Enrolment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    step = models.CharField(max_length=64, db_collation="C")
    visit = models.IntegerField(default=1)
    at = models.DateTimeField()
    port = models.CharField(max_length=64, default="", db_collation="C")
    reason = models.CharField(max_length=40, default="")
    detail = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["run"], name="visit_run"),
            models.Index(fields=["campaign", "step"], name="visit_step"),
        ]


class Arm(models.Model):
    """The lane of a random split a contact was dealt; changed weights keep it (decision B19)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    step = models.CharField(max_length=64, db_collation="C")
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    lane = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "step", "contact"], name="arm_once")]


class Conversion(models.Model):
    """A run reached its goal, held out or not; once a run."""

    run = models.OneToOneField(Enrolment, on_delete=models.DO_NOTHING, db_constraint=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    value = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, default="", db_default="")
    held_out = models.BooleanField()

    class Meta:
        indexes = [models.Index(fields=["campaign", "at"], name="conversion_campaign")]
