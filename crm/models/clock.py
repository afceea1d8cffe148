"""Where a shifted testing clock is remembered (at most one row)."""

from django.db import models


class ClockShift(models.Model):
    shift = models.DurationField()
