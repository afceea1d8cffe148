"""What this company wants to reach, and by when."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.clock import BusinessNow
from crm.models.team import User


class Period(models.TextChoices):
    """How long a target is for: so far this day, week …, or the last 30 days."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")
    QUARTER = "quarter", _("Quarter")
    YEAR = "year", _("Year")
    ROLLING = "rolling30", _("Last 30 days")


class Kpi(models.Model):
    """A metric with a target. Written by `analytics.kpis` alone. No name: the metric's own words.

    `target` is in the metric's unit, a share as 0.25 for 25 %.
    """

    name = models.CharField(max_length=80, blank=True, default="", db_default="")
    metric = models.CharField(max_length=40, db_collation="C")
    target = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTH)
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    place = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())

    def __str__(self) -> str:
        return self.name or self.metric
