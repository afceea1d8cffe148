"""Carts folded from events, and orders with their lines and refunds."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm.models.contact import Contact
from crm.models.team import Store


class Cart(models.Model):
    """The latest state of one cart of one contact. Written by `crm.carts` alone.

    `lines`: [{"sku", "name", "quantity", "price", "url", "image"}].
    """

    class State(models.TextChoices):
        OPEN = "open"
        ORDERED = "ordered"
        EMPTIED = "emptied"

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    key = models.CharField(max_length=120, db_collation="C")
    state = models.CharField(max_length=8, choices=State.choices, default="open", db_default="open")
    lines = models.JSONField(default=list)
    skus = ArrayField(models.CharField(max_length=80), default=list)
    value = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default="", db_default="")
    # `occurred_at` of the newest event folded in: an older one that comes late changes nothing.
    touched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "key"], name="cart_once")]


class Order(models.Model):
    """A purchase, once per `order_id` for ever. Written by `crm.orders` alone."""

    class State(models.TextChoices):
        COMPLETED = "completed"
        PARTLY_REFUNDED = "partly_refunded"
        REFUNDED = "refunded"
        CANCELLED = "cancelled"

    order_id = models.CharField(max_length=120, db_collation="C")
    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default="completed", db_default="completed")
    total = models.DecimalField(max_digits=14, decimal_places=2)
    refunded = models.DecimalField(max_digits=14, decimal_places=2, default=0, db_default=0)
    discount = models.DecimalField(max_digits=14, decimal_places=2, default=0, db_default=0)
    currency = models.CharField(max_length=3)
    coupon = models.CharField(max_length=80, default="", db_default="")
    channel = models.CharField(max_length=12, default="web", db_default="web")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, db_index=False)
    cart_key = models.CharField(max_length=120, default="", db_default="")
    historic = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order_id"], name="order_once")]
        indexes = [
            models.Index(fields=["contact", "occurred_at"], name="order_contact"),
            # The day's sales, without reading those of all years.
            models.Index(fields=["occurred_at"], name="order_occurred"),
            # Who has bought at a store: they are its people.
            models.Index(fields=["store", "contact"], name="order_store", condition=models.Q(store__isnull=False)),
        ]


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    sku = models.CharField(max_length=80, db_collation="C")
    name = models.CharField(max_length=300, default="", db_default="")
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    price = models.DecimalField(max_digits=14, decimal_places=2)
