"""A contact, what identifies it, and how it was before each change."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models

from crm.clock import BusinessNow
from crm.folding import Fold
from crm.models.address import Address
from crm.models.team import Store


class Contact(models.Model):
    """One person, however many channels know them. Written by `crm.identity` alone."""

    # Fixed for life: every random draw hashes it, so draws repeat (decision B19).
    draw = models.UUIDField(default=uuid.uuid4, db_default=models.Func(function="gen_random_uuid"))
    given_name = models.CharField(max_length=120, default="", db_default="")
    family_name = models.CharField(max_length=120, default="", db_default="")
    sort_name = models.CharField(max_length=250, default="", db_default="")
    language = models.CharField(max_length=8, default="", db_default="")
    timezone = models.CharField(max_length=64, default="", db_default="")
    # The zone rules are evaluated in, resolved at write, and what it came from.
    zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    zone_source = models.CharField(max_length=12, default="workspace", db_default="workspace")
    country = models.CharField(max_length=2, default="", db_default="")
    region = models.CharField(max_length=80, default="", db_default="")
    city = models.CharField(max_length=120, default="", db_default="")
    postal_code = models.CharField(max_length=20, default="", db_default="")
    birth_date = models.DateField(null=True)
    home_store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, db_index=False)
    fields = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # Which source wrote a field last, once the shop has ranked its sources (`crm.sources`); by field.
    field_sources = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    source = models.CharField(max_length=120, default="", db_default="")
    # Kept, and used for nothing (`crm.rights.restriction`).
    restricted = models.BooleanField(default=False, db_default=False)
    # Nothing of the person is left: the row stands for what is counted (`crm.rights.erasure`).
    erased_at = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", on_delete=models.DO_NOTHING, null=True, db_index=False)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=BusinessNow())
    updated_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="contact_created"),
            models.Index(fields=["merged_into"], name="contact_merged", condition=models.Q(merged_into__isnull=False)),
            models.Index(fields=["id"], name="contact_erased", condition=models.Q(erased_at__isnull=False)),
            models.Index(fields=["id"], name="contact_archived", condition=models.Q(archived_at__isnull=False)),
            models.Index(fields=["id"], name="contact_restricted", condition=models.Q(restricted=True)),
            models.Index(
                fields=["home_store", "id"], name="contact_store", condition=models.Q(home_store__isnull=False)
            ),
            # Who may be the same person: looked for among those born on one day, or living behind one post code.
            models.Index(fields=["birth_date"], name="contact_birth", condition=models.Q(birth_date__isnull=False)),
            models.Index(fields=["postal_code"], name="contact_post", condition=~models.Q(postal_code="")),
            GinIndex(OpClass(Fold("sort_name"), name="gin_trgm_ops"), name="contact_search"),
        ]

    def __str__(self) -> str:
        return f"{self.given_name} {self.family_name}".strip() or f"contact {self.pk}"


class Identifier(models.Model):
    """A trace by which a contact is recognised; `value` is in its normal form.

    An e-mail or phone also names its `address`. `identifying` is False where two
    people share it (a family phone): it then reaches both and identifies neither.
    """

    class Kind(models.TextChoices):
        EMAIL = "email"
        PHONE = "phone"
        CARD = "card"
        EXTERNAL_ID = "external_id"
        ANONYMOUS_ID = "anonymous_id"

    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="identifiers"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    value = models.CharField(max_length=320, db_collation="C")
    address = models.ForeignKey(Address, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    identifying = models.BooleanField(default=True, db_default=True)
    verified_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=120, default="", db_default="")
    created_at = models.DateTimeField(db_default=BusinessNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value"], condition=models.Q(identifying=True), name="identifier_names_one"
            ),
            models.UniqueConstraint(fields=["contact", "kind", "value"], name="identifier_once_a_contact"),
        ]
        indexes = [
            models.Index(
                fields=["address", "contact"],
                name="identifier_address",
                condition=models.Q(address__isnull=False),
            ),
            models.Index(
                fields=["kind", "value"],
                name="identifier_shared",
                condition=models.Q(identifying=False),
            ),
        ]


class ContactChange(models.Model):
    """What a contact's changed fields were before an update (append-only)."""

    contact = models.ForeignKey(Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()
    before = models.JSONField()
    actor = models.CharField(max_length=120, default="", db_default="")

    class Meta:
        indexes = [models.Index(fields=["contact", "at"], name="contactchange_contact")]
