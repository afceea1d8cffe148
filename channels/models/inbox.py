"""What comes back from carriers, and what the sandbox keeps to be read in the app."""

from __future__ import annotations

from django.db import models

from channels.models.account import Account
from channels.models.message import Message
from crm.clock import BusinessNow


class SandboxMessage(models.Model):
    """A message of a sandbox carrier as the customer would have seen it; a test of somebody here has no `message`."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, null=True)
    channel = models.CharField(max_length=12)
    recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=998, default="", db_default="")
    text = models.TextField(default="", db_default="")
    html = models.TextField(default="", db_default="")
    headers = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [models.Index(fields=["channel", "-id"], name="sandbox_newest")]


class Inbound(models.Model):
    """A provider's report as it came, once per (account, event id); answered after it is stored."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    event_id = models.CharField(max_length=200, db_collation="C")
    payload = models.JSONField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    error = models.TextField(default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="inbound_once")]
        indexes = [models.Index(fields=["id"], name="inbound_waiting", condition=models.Q(processed_at__isnull=True))]
