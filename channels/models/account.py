"""An account with a carrier: what messages of one channel leave through."""

from __future__ import annotations

from django.db import models


class Account(models.Model):
    """`carrier` names a file of `channels.providers`; `settings` are that carrier's, checked by it.

    `secrets` is encrypted and never leaves through API, log or template.
    `cost` is per message (per part for SMS), in the workspace's currency.
    """

    channel = models.CharField(max_length=12)
    carrier = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    settings = models.JSONField(default=dict, blank=True)
    secrets = models.TextField(default="", blank=True)
    is_default = models.BooleanField(default=False)
    per_second = models.FloatField(null=True, blank=True)
    cost = models.DecimalField(max_digits=10, decimal_places=5, default=0)
    active = models.BooleanField(default=True)
    # Of the address its provider reports to; one more makes the former address invalid.
    report_generation = models.PositiveSmallIntegerField(default=0, db_default=0)
    # The breaker: no hand-off before this instant (machine's time).
    resting_until = models.DateTimeField(null=True, blank=True)
    # The pace: what was let through fills the account's time up to here (machine's time).
    paced_until = models.DateTimeField(null=True, blank=True)
    # Too many people called its mails spam: nothing leaves until a person lets it go on (`channels.complaints`).
    # What was counted before `resumed_at` is not held against it again. Business time.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_for = models.JSONField(null=True, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel"], condition=models.Q(is_default=True), name="account_one_default_a_channel"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.channel} by {self.carrier})"
