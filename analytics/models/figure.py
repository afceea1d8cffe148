"""Daily figures, what of them is to be reckoned anew, and the standing of campaigns.

Written by `analytics.rollup` alone; all of it can be made again from what it was counted from.
"""

from __future__ import annotations

from django.db import models

from campaigns.models import Campaign
from crm.models.team import Store


class Figure(models.Model):
    """A metric on a local day of the workspace; of a store, or (None) of what belongs to none.

    The figure is `numerator`, or `numerator / denominator` for a share. Nothing happened: no row.
    """

    metric = models.CharField(max_length=40, db_collation="C")
    day = models.DateField()
    store = models.ForeignKey(Store, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    numerator = models.DecimalField(max_digits=18, decimal_places=2)
    denominator = models.DecimalField(max_digits=18, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["metric", "day", "store"], nulls_distinct=False, name="figure_once")
        ]


class StaleDay(models.Model):
    """A day of a metric that has changed since it was counted (a queue; duplicates allowed)."""

    metric = models.CharField(max_length=40, db_collation="C")
    day = models.DateField()


class Reading(models.Model):
    """When a metric was last brought up to date, in which zone and currency, and how long it took.

    Another zone or currency: all its days are counted again. `day` is the last local day there is a figure for;
    `seen` the newest conversion that was looked at.
    """

    metric = models.CharField(max_length=40, primary_key=True, db_collation="C")
    zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    at = models.DateTimeField()
    took = models.FloatField(default=0)
    seen = models.BigIntegerField(default=0)


class Standing(models.Model):
    """A campaign that runs, in numbers. People who were written to beside those held out."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    inside = models.IntegerField(default=0)
    treated = models.IntegerField(default=0)
    treated_hits = models.IntegerField(default=0)
    holdout = models.IntegerField(default=0)
    holdout_hits = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)
    problems = models.JSONField(default=list)
    at = models.DateTimeField()
