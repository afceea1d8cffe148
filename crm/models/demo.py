"""What the demo made up, so that exactly that can be taken away again."""

from __future__ import annotations

from django.db import models


class DemoItem(models.Model):
    """One made-up thing. Written by `crm.demo` alone. Proofs of made-up people may be deleted (`crm.database`)."""

    kind = models.CharField(max_length=12)
    number = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number"], name="demoitem_once")]
