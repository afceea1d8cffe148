"""Consent: what people said (receipts), and what that comes to (states).

Written by `crm.consent` alone. The receipts are the proof and are append-only (a
database trigger refuses UPDATE of anything but the contact, and DELETE); the states
are their fold and can be rebuilt (`verify_ledger` I6 compares).
"""

from __future__ import annotations

from django.db import models

from crm.models.address import Address
from crm.models.contact import Contact


class ConsentReceipt(models.Model):
    """One statement by one person for a purpose on a channel, at one address.

    `address` is empty while the person has none for the channel. Receipts form a
    chain per `chain` (the contact at creation; a merge never rewrites it):
    `hash` covers `prev_hash` and every other column; personal columns enter as HMAC.
    """

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    chain = models.BigIntegerField()
    chain_seq = models.IntegerField()
    purpose = models.CharField(max_length=16)
    channel = models.CharField(max_length=12)
    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    # HMAC of the address: the chain stays provable when the address is erased.
    address_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    action = models.CharField(max_length=12)
    basis = models.CharField(max_length=24)
    method = models.CharField(max_length=24)
    source = models.CharField(max_length=400, default="", db_default="")
    # HMAC of the source, for a name may stand in it.
    source_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    wording = models.CharField(max_length=120, default="", db_default="")
    evidence = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    evidence_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    occurred_at = models.DateTimeField()
    # The machine's time, read after the address lock: what I2 compares (decision B5).
    recorded_at = models.DateTimeField()
    prev_hash = models.CharField(max_length=64, db_collation="C")
    hash = models.CharField(max_length=64, db_collation="C")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "chain_seq"], name="receipt_chain_once")]
        indexes = [
            models.Index(fields=["contact", "purpose", "channel"], name="receipt_contact"),
            models.Index(fields=["address"], name="receipt_address", condition=models.Q(address__isnull=False)),
            # Where a text was used; without one nothing is kept here.
            models.Index(fields=["wording", "id"], name="receipt_wording", condition=~models.Q(wording="")),
        ]


class ConsentState(models.Model):
    """The fold of the receipts of one contact for purpose, channel and address."""

    class State(models.TextChoices):
        UNKNOWN = "unknown"
        REQUESTED = "requested"
        UNCONFIRMED = "granted_unconfirmed"
        GRANTED = "granted"
        SOFT = "soft"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        PAUSED = "paused"

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    purpose = models.CharField(max_length=16)
    channel = models.CharField(max_length=12)
    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    state = models.CharField(max_length=20, choices=State.choices)
    basis = models.CharField(max_length=24, default="", db_default="")
    since = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    receipt = models.ForeignKey(ConsentReceipt, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "purpose", "channel", "address"],
                nulls_distinct=False,
                name="consentstate_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], name="consentstate_expiry", condition=models.Q(expires_at__isnull=False)
            ),
            models.Index(
                fields=["paused_until"],
                name="consentstate_pause",
                condition=models.Q(paused_until__isnull=False),
            ),
            # A permission on a relation whose end nobody has reckoned yet: none, at rest (`crm.renewal`).
            models.Index(
                fields=["contact"],
                name="consentstate_endless",
                condition=models.Q(state="soft", expires_at__isnull=True),
            ),
        ]


class AddressConsent(models.Model):
    """A "no" that belongs to the address and beats every profile that holds it.

    `stopped` is lifted by a later grant that somebody gives for this very address,
    never by an import.
    """

    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    purpose = models.CharField(max_length=16)
    channel = models.CharField(max_length=12)
    stopped = models.BooleanField()
    since = models.DateTimeField()
    receipt = models.ForeignKey(ConsentReceipt, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address", "purpose", "channel"], name="addressconsent_once")]
