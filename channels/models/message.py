"""The outbox: one row for each message that was ever planned, and what became of it.

Written by `channels.outbox` and `channels.intake` alone. The allowed edges between
states stand in `channels.states.EDGES`; a trigger made from that table refuses others.
The columns that speak of campaigns have no foreign keys: campaigns live above.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from channels.models.account import Account
from channels.models.content import Content
from crm.clock import BusinessNow
from crm.models.address import Address
from crm.models.contact import Contact


class Message(models.Model):
    """`(run, step, visit, slot)` names a message for ever; two of them cannot exist.

    `due_at`, `expires_at` are business time. `lease_until`, `handed_at`, `started_at`,
    `settled_at` are the machine's. `epoch` is the database epoch of the hand-off
    (decision C1). `slots` are the values the templates used, kept as sent.

    `counted_at` is the business time of the hand-off: what caps count and quiet hours
    were judged at. It is empty again when the message did not go. `judged` is what the
    gate let it pass by (basis, receipt, zone, quiet hours, cap).
    `receipt` is what the carrier said of the message before this one in its batch (`of`),
    written with this one's start mark and kept until the batch is settled.
    `doubtful`: an attempt of an idempotent carrier got no answer; it may have gone.
    """

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    address_hash = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    channel = models.CharField(max_length=12)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False)
    campaign_id = models.BigIntegerField(null=True)
    run_id = models.BigIntegerField(null=True)
    step = models.CharField(max_length=64, default="", db_default="", db_collation="C")
    visit = models.IntegerField(default=1, db_default=1)
    slot = models.CharField(max_length=40, default="", db_default="", db_collation="C")
    # The run's `key#entry_seq`; with `edition` it guards an address within one scheduled edition.
    entry = models.CharField(max_length=160, default="", db_default="", db_collation="C")
    edition = models.BooleanField(default=False, db_default=False)
    held_out = models.BooleanField(default=False, db_default=False)
    message_class = models.CharField(max_length=16, default="marketing", db_default="marketing")
    purpose = models.CharField(max_length=16, default="", db_default="")
    priority = models.SmallIntegerField(default=50, db_default=50)
    # The exclusion group of its campaign: two of one group keep their distance from one person.
    exclusion_group = models.CharField(max_length=40, default="", db_default="")

    state = models.CharField(max_length=12, default="due", db_default="due", db_collation="C")
    reason = models.CharField(max_length=40, default="", db_default="")
    reason_detail = models.JSONField(null=True)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    claims = models.SmallIntegerField(default=0, db_default=0)
    attempts = models.SmallIntegerField(default=0, db_default=0)
    epoch = models.UUIDField(null=True)
    handed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)
    judged = models.JSONField(null=True)
    receipt = models.JSONField(null=True)
    doubtful = models.BooleanField(default=False, db_default=False)
    # What it cost by the price of its account when it was handed over, in the workspace's currency.
    cost = models.DecimalField(max_digits=10, decimal_places=5, null=True)
    provider_message_id = models.CharField(max_length=200, default="", db_default="", db_collation="C")
    slots = models.JSONField(null=True)
    # What the asker wants said to the templates beside the contact's live facts
    # (entry event, products of the cart …), as plain data.
    context = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run_id", "step", "visit", "slot"], name="message_once"),
            models.UniqueConstraint(
                fields=["campaign_id", "step", "entry", "visit", "channel", "address_hash"],
                condition=models.Q(edition=True) & ~models.Q(address_hash=""),
                name="message_once_an_edition",
            ),
        ]
        indexes = [
            models.Index(fields=["channel", "due_at"], name="message_due", condition=models.Q(state="due")),
            # What leaves also while an account is paused, which may hold a million marketing messages.
            models.Index(
                fields=["channel", "due_at"],
                name="message_due_promised",
                condition=models.Q(state="due") & ~models.Q(message_class="marketing"),
            ),
            models.Index(
                fields=["lease_until"],
                name="message_leased",
                condition=models.Q(state__in=["claimed", "handing_off"]),
            ),
            models.Index(fields=["contact", "id"], name="message_contact"),
            models.Index(fields=["campaign_id", "state"], name="message_campaign"),
            models.Index(
                fields=["address"],
                name="message_open_address",
                condition=models.Q(state__in=["due", "claimed", "handing_off"]),
            ),
            models.Index(
                fields=["provider_message_id"],
                name="message_provider_id",
                condition=~models.Q(provider_message_id=""),
            ),
            # Hand-offs of the last week, for the guard of complaints and for "what would have changed".
            BrinIndex(fields=["counted_at"], name="message_counted", autosummarize=True, pages_per_range=32),
            BrinIndex(fields=["created_at"], name="message_created", autosummarize=True, pages_per_range=32),
        ]


class Attempt(models.Model):
    """One started network call and how it ended; written with its outcome (append-only)."""

    message = models.ForeignKey(Message, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    n = models.SmallIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12)
    code = models.CharField(max_length=40, default="", db_default="")
    detail = models.CharField(max_length=500, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "n"], name="attempt_once")]
