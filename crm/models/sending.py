"""What a workspace asks of every marketing message, and whose permission is to be reckoned anew."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow


class SendingRules(models.Model):
    """The one set of sending rules, as `crm.sending.parse` reads it. `revision` counts its changes."""

    only = models.BooleanField(primary_key=True, default=True)
    document = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(db_default=BusinessNow())
    changed_by = models.CharField(max_length=120, default="", db_default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(only=True), name="sendingrules_only_one")]


class Renewal(models.Model):
    """Somebody bought or asked something: how long their permission lasts is to be reckoned (append-only queue)."""

    contact_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=BusinessNow())
