"""Pictures for messages, decoded and written anew; they live in the database, so one backup holds everything."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm.clock import BusinessNow


class Image(models.Model):
    """`hash` names its public address `/i/<hash>.<ext>` for ever; `data` is read for that address alone."""

    class Ext(models.TextChoices):
        JPEG = "jpg"
        PNG = "png"
        GIF = "gif"
        WEBP = "webp"

    hash = models.CharField(max_length=32, db_collation="C")
    ext = models.CharField(max_length=4, choices=Ext.choices)
    name = models.CharField(max_length=200)
    alt = models.CharField(max_length=300)
    width = models.IntegerField()
    height = models.IntegerField()
    size = models.IntegerField()
    data = models.BinaryField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hash"], name="image_once")]

    def __str__(self) -> str:
        return self.name
