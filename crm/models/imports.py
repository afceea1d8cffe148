"""What came in from files, and what became of each row."""

from __future__ import annotations

from django.db import models

from crm.models.team import User


class ImportJob(models.Model):
    """One file read once. `created + updated + unchanged + rejected = rows` when it is finished.

    A job of the wizard is worked on a chunk at a time: the chunk's people, its rejected rows and `line`, the
    last line of it, are written together, so that whoever goes on after a crash goes on exactly there.
    """

    class State(models.TextChoices):
        DRAFT = "draft"  # somebody is saying what the columns are
        CHECKING = "checking"
        CHECKED = "checked"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"
        UNDOING = "undoing"
        UNDONE = "undone"

    kind = models.CharField(max_length=16)
    filename = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    consent = models.JSONField(null=True)
    rows = models.IntegerField(default=0)
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    rejected = models.IntegerField(default=0)
    rejected_file = models.CharField(max_length=400, default="", db_default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # The wizard's.
    state = models.CharField(max_length=12, choices=State.choices, default="done", db_default="done")
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False)
    # Under MEDIA_ROOT/imports; empty once the file is gone.
    path = models.CharField(max_length=200, default="", db_default="")
    size = models.BigIntegerField(default=0, db_default=0)
    # How it is read: encoding, delimiter, day first or month first, what to do with who is known.
    reading = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # What the check found: totals, and a few rows for each verdict.
    check_found = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    total = models.IntegerField(default=0, db_default=0)
    line = models.IntegerField(default=0, db_default=0)
    # Of the undo: the last contact looked at, and how many stayed because somebody had touched them since.
    undo_at = models.BigIntegerField(default=0, db_default=0)
    undone = models.IntegerField(default=0, db_default=0)
    kept = models.IntegerField(default=0, db_default=0)
    # Why some stayed: reason -> how many.
    stayed = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # Rows of which a value was left, because a source that counts more had said otherwise.
    outranked = models.IntegerField(default=0, db_default=0)
    touched = models.IntegerField(default=0, db_default=0)
    speed = models.IntegerField(default=0, db_default=0)
    trouble = models.CharField(max_length=400, default="", db_default="")
    lease = models.CharField(max_length=32, default="", db_default="")
    lease_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="import_due",
                condition=models.Q(state__in=["checking", "running", "undoing"]),
            )
        ]


class ImportReject(models.Model):
    """A row that was not taken, as it stood in the file, with why. `checked`: found by the check alone."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, db_index=False)
    checked = models.BooleanField()
    line = models.IntegerField()
    cells = models.JSONField()
    code = models.CharField(max_length=40)
    detail = models.CharField(max_length=600)

    class Meta:
        indexes = [models.Index(fields=["job", "checked", "line"], name="import_reject")]


class ImportedContact(models.Model):
    """Whom an import made or changed: what its undo goes by."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, db_index=False)
    contact_id = models.BigIntegerField()
    fresh = models.BooleanField()

    class Meta:
        indexes = [models.Index(fields=["job", "id"], name="imported_contact")]


class ImportedItem(models.Model):
    """What else an import brought: an order, a product, a stock level, an address that is not written to.

    `key`: by what its kind knows it. `before`: the row as it was (null: there was none), `after`: as it became.
    """

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, db_index=False)
    key = models.CharField(max_length=240, db_collation="C")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["job", "id"], name="imported_item"),
            models.Index(fields=["key"], name="imported_item_key"),
        ]
