"""Tills: the devices of a store, who is at them, and what they did."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm.clock import RealNow
from crm.models.contact import Contact
from crm.models.team import Membership, Store, User


class Device(models.Model):
    """A tablet or computer of one store. Made with a code that signs it in once; of both only the hash is kept.

    `staff` is whom its screen is unlocked for, until `staff_until`. All times are the machine's.
    """

    store = models.ForeignKey(Store, on_delete=models.PROTECT)
    name = models.CharField(max_length=80)
    code_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    code_until = models.DateTimeField(null=True)
    token_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    created_at = models.DateTimeField(db_default=RealNow())
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    staff = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    staff_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code_hash"], condition=~Q(code_hash=""), name="device_code_once"),
            models.UniqueConstraint(fields=["token_hash"], condition=~Q(token_hash=""), name="device_token_once"),
        ]

    def __str__(self) -> str:
        return self.name


class StaffPin(models.Model):
    """By what somebody of a store unlocks a till: 4 to 6 digits, kept as a slow hash.

    `tries` counts wrong ones; after the fifth only a manager opens it again (`locked_at`).
    """

    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, primary_key=True, related_name="pin")
    hash = models.CharField(max_length=200)
    tries = models.SmallIntegerField(default=0, db_default=0)
    locked_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField(db_default=RealNow())
    set_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")


class TillEntry(models.Model):
    """One thing a till did, once by the id it made itself (a ULID), so that a queue may be sent again and again.

    `payload` is what it sent, kept only while somebody has to decide (`waiting`); `answer` is what it was told, without
    personal data. `happened_at` is the till's own time, `taken_at` ours.
    """

    class State(models.TextChoices):
        DONE = "done"
        WAITING = "waiting"
        REFUSED = "refused"

    key = models.CharField(max_length=26, db_collation="C")
    kind = models.CharField(max_length=12)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, db_index=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, db_index=False)
    staff = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, null=True)
    state = models.CharField(max_length=8, choices=State.choices, default="done", db_default="done")
    # SHA-256 of the body: the same id with another body is a mistake, not a repetition.
    digest = models.CharField(max_length=64, db_collation="C")
    payload = models.JSONField(null=True)
    answer = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    order_id = models.CharField(max_length=120, default="", db_default="", db_collation="C")
    happened_at = models.DateTimeField()
    taken_at = models.DateTimeField(db_default=RealNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="tillentry_once")]
        indexes = [
            # Whom a store has served (they are its people), and what it did last.
            models.Index(fields=["store", "contact"], name="tillentry_served", condition=Q(contact__isnull=False)),
            models.Index(fields=["store", "-taken_at"], name="tillentry_recent"),
            models.Index(fields=["store", "taken_at"], name="tillentry_waiting", condition=Q(state="waiting")),
        ]
