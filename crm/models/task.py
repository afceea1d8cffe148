"""What somebody here is to do, and what was noted about a contact."""

from __future__ import annotations

from django.db import models

from crm.clock import BusinessNow
from crm.models.contact import Contact
from crm.models.team import User


class Task(models.Model):
    """Written by `crm.errands` alone. Done when `done_at` is set; about a contact, or about none."""

    title = models.CharField(max_length=200)
    due_at = models.DateTimeField()
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    assignee = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    done_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [
            models.Index(fields=["assignee", "due_at"], name="task_open", condition=models.Q(done_at__isnull=True)),
            models.Index(fields=["contact"], name="task_contact", condition=models.Q(contact__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title


class Note(models.Model):
    """Written by `crm.notes` alone. `edited_at`: its author has changed the text since."""

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    text = models.TextField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["contact", "at"], name="note_contact")]

    def __str__(self) -> str:
        return self.text[:80]
