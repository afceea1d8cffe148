"""The one place for products, prices and stock that all channels use."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import F

from crm.clock import BusinessNow


class Product(models.Model):
    sku = models.CharField(max_length=80, db_collation="C")
    name = models.CharField(max_length=300)
    url = models.CharField(max_length=2000, default="", blank=True, db_default="")
    image = models.CharField(max_length=2000, default="", blank=True, db_default="")
    categories = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    brand = models.CharField(max_length=120, default="", blank=True, db_default="")
    price = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, default="", db_default="")
    attributes = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True, db_default=True)
    updated_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sku"], name="product_sku_once")]
        # The number of its bar code, which a till reads; of any length, as nobody checks it.
        indexes = [HashIndex(F("attributes__gtin"), name="product_gtin")]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"


class Stock(models.Model):
    """How many units of a sku a place has: `place` is "online" or a store's code."""

    sku = models.CharField(max_length=80, db_collation="C")
    place = models.CharField(max_length=40, default="online")
    available = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sku", "place"], name="stock_once_a_place")]
