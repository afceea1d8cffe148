"""Addresses messages can go to, and those that must not be written to."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow


class Medium(models.TextChoices):
    """What an address is made of; several channels may share one (`crm.words.MEDIUM`)."""

    EMAIL = "email"
    PHONE = "phone"
    PUSH = "push"
    POST = "post"


class Address(models.Model):
    """An e-mail address or a phone, once for the whole workspace.

    `hash` is the HMAC of medium and value under the suppression pepper. The row is
    what a withdrawal updates and a hand-off locks, so the two exclude each other.
    """

    class Health(models.TextChoices):
        VALID = "valid"
        RISKY = "risky"
        HARD_BOUNCE = "hard_bounce"
        COMPLAINT = "complaint"
        INVALID = "invalid"

    medium = models.CharField(max_length=8, choices=Medium.choices)
    value = models.CharField(max_length=320, db_collation="C")
    hash = models.CharField(max_length=64, db_collation="C")
    health = models.CharField(max_length=12, choices=Health.choices, default="valid", db_default="valid")
    soft_bounces = models.PositiveSmallIntegerField(default=0, db_default=0)
    soft_bounced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["medium", "hash"], name="address_once")]


class Suppression(models.Model):
    """An address that must not be written to, known by its HMAC only, so it survives erasure.

    In force while `until` is empty or in the future. `channel` empty: all channels
    of the medium. Never lifted by events or imports, only by a person.
    """

    class Reason(models.TextChoices):
        BOUNCE = "bounce"
        COMPLAINT = "complaint"
        INVALID = "invalid"
        ROBINSON = "robinson"
        ERASED = "erased"
        MANUAL = "manual"

    medium = models.CharField(max_length=8, choices=Medium.choices)
    hash = models.CharField(max_length=64, db_collation="C")
    channel = models.CharField(max_length=12, default="", db_default="")
    reason = models.CharField(max_length=12, choices=Reason.choices)
    source = models.CharField(max_length=200, default="", db_default="")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["medium", "hash", "channel", "reason"],
                condition=models.Q(until__isnull=True),
                name="suppression_once",
            ),
        ]
        indexes = [
            # Whom an import must not bring back.
            models.Index(
                fields=["medium", "hash"],
                name="suppression_erased",
                condition=models.Q(reason="erased", until__isnull=True),
            ),
        ]
