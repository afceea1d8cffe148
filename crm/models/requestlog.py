"""What integrators asked and were answered."""

from __future__ import annotations

from django.db import models

from crm.clock import RealNow


class RequestLog(models.Model):
    """One request to `/api/v1/` or `/v1/`, written after its answer, whatever that was. Kept 14 days.

    Bodies are kept as they came (cut at a limit, then `cut` is set) and masked wherever they are shown.
    `actor` is "key:3", "user:7", or "" for a stranger. `dropped` is what was not taken of a batch:
    `[{"index", "code", "detail"}]`. Written by `crm.rest.requestlog` alone.
    """

    at = models.DateTimeField(db_default=RealNow())
    request_id = models.CharField(max_length=32, db_collation="C")
    actor = models.CharField(max_length=40, default="", db_default="", db_collation="C")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=400)
    query = models.CharField(max_length=1000, default="", db_default="")
    status = models.SmallIntegerField()
    ms = models.IntegerField()
    replayed = models.BooleanField(default=False, db_default=False)
    dropped = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    bad = models.IntegerField(default=0, db_default=0)
    headers = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    body = models.TextField(default="", db_default="")
    answer = models.TextField(default="", db_default="")
    cut = models.BooleanField(default=False, db_default=False)
    # The request this one is a second try of.
    again_of = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="requestlog_age"),
            models.Index(fields=["actor", "-id"], name="requestlog_actor"),
            models.Index(fields=["-id"], name="requestlog_errors", condition=models.Q(status__gte=400)),
            models.Index(fields=["request_id"], name="requestlog_request"),
        ]
