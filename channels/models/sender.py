"""What is known about the domains mails come from."""

from __future__ import annotations

from django.db import models


class SenderDomain(models.Model):
    """`checks` is what `channels.domains` found ({"spf": {"verdict", "record", "remedy"}, …}), at `checked_at`;
    `sent` and `complained` are the last seven days as `channels.complaints` counted them, at `measured_at`."""

    domain = models.CharField(max_length=253, unique=True)
    selector = models.CharField(max_length=63, blank=True, default="", db_default="")
    checks = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    sent = models.PositiveIntegerField(default=0, db_default=0)
    complained = models.PositiveIntegerField(default=0, db_default=0)
    measured_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.domain
