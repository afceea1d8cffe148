"""Lists that people put together by hand. Each stands behind one segment (`crm.lists`)."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow
from crm.models.contact import Contact
from crm.models.segment import Segment


class FixedList(models.Model):
    """The segment's rule is `{"list": id}`, so that who is put on the list becomes its member."""

    segment = models.OneToOneField(Segment, on_delete=models.CASCADE, null=True, related_name="fixed_list")
    created_at = models.DateTimeField(db_default=BusinessNow())


class ListMember(models.Model):
    """Written by `crm.lists` alone."""

    list = models.ForeignKey(FixedList, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "contact"], name="listmember_once")]
        indexes = [models.Index(fields=["contact"], name="listmember_contact")]
