"""What people wish beside their yes and no: how often, by which channel, about what."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow, RealNow
from crm.models.contact import Contact


class Topic(models.Model):
    """Something campaigns are about, and people may not care for. Written by `crm.topics` alone."""

    key = models.CharField(max_length=40, db_collation="C")
    # Language → the name customers read; English or the first one where theirs is missing.
    names = models.JSONField(default=dict)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=RealNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="topic_once")]

    def __str__(self) -> str:
        return str(self.names.get("en") or next(iter(self.names.values()), self.key))


class Wish(models.Model):
    """One row for whoever wished anything. Written by `crm.wishes` and joined by `crm.identity`.

    `often`: a word of `crm.wishes.OFTEN`; empty is "as it comes". `without`: keys of topics they do not want.
    """

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    often = models.CharField(max_length=12, default="", db_default="")
    favourite = models.CharField(max_length=12, default="", db_default="")
    without = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    updated_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact"], name="wish_once")]
