"""Who was asked to confirm a yes at their address (double opt-in), and which yeses are to be confirmed."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow
from crm.models.address import Address
from crm.models.contact import Contact


class ConfirmationRule(models.Model):
    """Whether a yes is asked to be confirmed. An empty part stands for all; what is not said, the region pack says."""

    purpose = models.CharField(max_length=16, blank=True, default="", db_default="")
    channel = models.CharField(max_length=12, blank=True, default="", db_default="")
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    # off, or how: email_link, sms_code.
    ask = models.CharField(max_length=12)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purpose", "channel", "country"], name="confirmationrule_once")]


class Confirmation(models.Model):
    """One person asked at one address. `items`: what is to be confirmed,
    `[{"purpose", "channel", "wording", "source", "receipt"}]`.

    `wanted_at`: a message is to be sent; the queue of `channels.confirming`. The code of an SMS is kept as HMAC.
    All times are business time. Written by `crm.confirmations` alone.
    """

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    # How it is proved: email (a link) or sms (a code).
    channel = models.CharField(max_length=12)
    items = models.JSONField(default=list)
    ip_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    asked_at = models.DateTimeField(db_default=BusinessNow())
    valid_until = models.DateTimeField()
    wanted_at = models.DateTimeField(null=True)
    # How many messages went, and when the last one did.
    sent = models.SmallIntegerField(default=0, db_default=0)
    sent_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    code_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    code_until = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0, db_default=0)
    confirmed_at = models.DateTimeField(null=True)
    # Never confirmed, and known by nothing else: its person may be removed with their receipts.
    purged_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["wanted_at"], name="confirmation_wanted", condition=models.Q(wanted_at__isnull=False)),
            models.Index(fields=["contact"], name="confirmation_contact"),
            models.Index(fields=["address", "sent_at"], name="confirmation_address"),
            models.Index(fields=["ip_hash", "asked_at"], name="confirmation_ip", condition=~models.Q(ip_hash="")),
            # Reminder and purge.
            models.Index(fields=["asked_at"], name="confirmation_open", condition=models.Q(confirmed_at__isnull=True)),
        ]


class EvidenceFile(models.Model):
    """A scan or a recording that proves a statement; its receipts name its SHA-256 in their evidence."""

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    sha256 = models.CharField(max_length=64, db_collation="C")
    name = models.CharField(max_length=160)
    media_type = models.CharField(max_length=40)
    size = models.IntegerField()
    content = models.BinaryField()
    added_by = models.CharField(max_length=120, default="", db_default="")
    added_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "sha256"], name="evidencefile_once")]
