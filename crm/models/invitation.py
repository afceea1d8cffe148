"""An invitation to work here: one link, for one person, for 72 hours."""

from __future__ import annotations

from django.db import models

from crm.clock import RealNow
from crm.models.team import Role, Store, User


class Invitation(models.Model):
    """Open until it is accepted, revoked or over. Only the hash of its link is kept; sending it again changes it."""

    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=20, choices=Role.choices)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, blank=True)
    token_hash = models.CharField(max_length=64, db_collation="C")
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations", db_index=False)
    created_at = models.DateTimeField(db_default=RealNow())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], name="invitation_token_once"),
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(store__isnull=False) | ~models.Q(role__in=[Role.STORE_MANAGER, Role.STORE_STAFF]),
                name="invitation_store_role_has_store",
            ),
        ]
