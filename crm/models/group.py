"""People who belong together: a household that shares a cart, a company that buys as one."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow
from crm.models.contact import Contact


class Group(models.Model):
    """Written by `crm.groups` alone. `key` is the name as it is compared."""

    class Kind(models.TextChoices):
        HOUSEHOLD = "household"
        COMPANY = "company"

    name = models.CharField(max_length=120)
    key = models.CharField(max_length=120, db_collation="C")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        # Families of one name are many; a company is there once.
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(kind="company"), name="company_once"),
        ]
        indexes = [models.Index(fields=["kind", "key"], name="group_key")]

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "contact"], name="groupmember_once")]
        indexes = [models.Index(fields=["contact"], name="groupmember_contact")]
