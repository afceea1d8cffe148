"""Keys of integrators, and the answers already given to their requests."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm.clock import RealNow
from crm.models.team import Store, User


class ApiKey(models.Model):
    """A secret `sk_…` (REST) or a publishable `wk_…` (tracking); only its SHA-256 is kept."""

    class Role(models.TextChoices):
        ADMIN = "admin"
        MARKETER = "marketer"
        ANALYST = "analyst"
        STORE = "store"
        TRACKING = "tracking"

    name = models.CharField(max_length=120)
    role = models.CharField(max_length=12, choices=Role.choices)
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    prefix = models.CharField(max_length=16)
    hash = models.CharField(max_length=64, db_collation="C")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True)
    # A key outlives the person's access: whoever deactivates them is told which ones there are.
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="keys", db_index=False)
    created_at = models.DateTimeField(db_default=RealNow())
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # The key this one takes the place of; both hold until that one expires.
    replaces = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hash"], name="apikey_once")]


class IdempotencyRecord(models.Model):
    """The answer to a POST under its `Idempotency-Key`, kept 7 days. 4xx are not kept.

    The row is inserted first, so that a concurrent twin waits on it. `actor` is
    "key:<id>" or "user:<id>": two integrators may use the same key.
    """

    actor = models.CharField(max_length=40, db_collation="C")
    route = models.CharField(max_length=200, db_collation="C")
    key = models.CharField(max_length=200, db_collation="C")
    request_hash = models.CharField(max_length=64)
    status = models.SmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_default=RealNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "route", "key"], name="idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]


class RateCount(models.Model):
    """Requests of an actor in one minute ("key:3@29705711"); an unlogged table, swept each minute."""

    slot = models.CharField(max_length=100, primary_key=True, db_collation="C")
    minute = models.BigIntegerField()
    n = models.IntegerField()
