"""Short words people hang on contacts, to find them again."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow
from crm.models.contact import Contact


class Tag(models.Model):
    """Written by `crm.tags` alone. `key` is the name as it is compared; rules name tags by it."""

    name = models.CharField(max_length=60)
    key = models.CharField(max_length=60, db_collation="C")
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="tag_once")]

    def __str__(self) -> str:
        return self.name


class ContactTag(models.Model):
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="contacttag_once")]
        indexes = [models.Index(fields=["tag", "contact"], name="contacttag_tag")]
