"""Two contacts that turned out to be one person, and what that changed.

Written by `crm.identity` alone.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm.models.contact import Contact


class ContactMerge(models.Model):
    """`loser` became `winner`: by hand, or because a browser was recognised. Undone while `undone_at` is set.

    `receipt_high`: the newest receipt of both at that moment. What was said before it is two people's and the
    stricter counts; what is said after it is one person's (`crm.replay`).
    """

    class Rule(models.TextChoices):
        PERSON = "person"  # somebody looked at both and said so
        ANONYMOUS = "anonymous"  # a browser or device whose owner said who they are

    winner = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    loser = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    rule = models.CharField(max_length=12, choices=Rule.choices)
    actor = models.CharField(max_length=120, default="", db_default="")
    at = models.DateTimeField()
    receipt_high = models.BigIntegerField(default=0, db_default=0)
    # What was picked from the loser, by field.
    picked = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=120, default="", db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["winner", "id"], name="merge_winner"),
            models.Index(fields=["loser", "id"], name="merge_loser"),
            models.Index(fields=["at"], name="merge_at"),
        ]


class MergeJournal(models.Model):
    """Of one merge and one table: which rows moved, and how those were that changed or went.

    Kept as long as the merge can be undone.
    """

    merge = models.ForeignKey(ContactMerge, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    table = models.CharField(max_length=63)
    moved = ArrayField(models.BigIntegerField(), default=list)
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merge", "table"], name="mergejournal_once")]
