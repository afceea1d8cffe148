"""The way back: what was done to a draft, step by step."""

from __future__ import annotations

from django.db import models

from campaigns.models.campaign import Campaign


class Edit(models.Model):
    """One edit of a draft, and the patch that it was. `revision`: the draft's, after it was last done
    or taken back. Edits that are taken back stay until something else is done in their place."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_index=False, related_name="edits")
    number = models.IntegerField()
    revision = models.IntegerField()
    command = models.JSONField()
    patch = models.JSONField()
    actor = models.CharField(max_length=160, default="", db_default="")
    at = models.DateTimeField()
    undone = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="edit_once")]


class Presence(models.Model):
    """Who has a draft open; seen a moment ago or gone."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, db_index=False)
    user_id = models.BigIntegerField()
    name = models.CharField(max_length=160)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "user_id"], name="presence_once")]
