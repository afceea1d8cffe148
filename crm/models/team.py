"""Who works here and where: users, their roles, the stores, the workspace."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.clock import RealNow


class Role(models.TextChoices):
    """What a person may do (`crm.access` says what that is). Store roles see their stores only."""

    ADMIN = "admin", _("Admin")
    MARKETER = "marketer", _("Marketer")
    APPROVER = "approver", _("Approver")
    ANALYST = "analyst", _("Analyst")
    DEVELOPER = "developer", _("Developer")
    STORE_MANAGER = "store_manager", _("Store manager")
    STORE_STAFF = "store_staff", _("Store staff")
    CALL_AGENT = "call_agent", _("Call agent")


class Store(models.Model):
    """A shop with its till. Its zone answers for customers who have none of their own."""

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    zone = models.CharField(max_length=64, default="UTC")
    country = models.CharField(max_length=2, blank=True, default="")
    address = models.JSONField(default=dict, blank=True)
    hours = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code"], name="store_code_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """By e-mail, in whatever case it is typed."""
        return super().get_by_natural_key((username or "").lower())

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who logs in, by e-mail. What they may do stands in their memberships."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200, blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    # Counted up to end every session this person has, in whatever place sessions are kept.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)
    # How somebody likes their screens: {"contacts.columns": ["name", "email"]}. Written by `crm.preferences`.
    preferences = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    joined_at = models.DateTimeField(db_default=RealNow())

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["email"], name="user_email_once")]

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """What a session must still agree with at each request: the password, and the epoch."""
        plain = super()._get_session_auth_hash(secret=secret)  # type: ignore[misc]
        return f"{plain}{self.session_epoch or ''}"


class Membership(models.Model):
    """A user's role, and for store roles the store it holds for."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    role = models.CharField(max_length=20, choices=Role.choices)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "store"], nulls_distinct=False, name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(store__isnull=False) | ~models.Q(role__in=[Role.STORE_MANAGER, Role.STORE_STAFF]),
                name="membership_store_role_has_store",
            ),
        ]


class Workspace(models.Model):
    """The one company this installation speaks for. Read through `crm.workspace.current()`."""

    only = models.BooleanField(primary_key=True, default=True)
    name = models.CharField(max_length=200, default="Cauce")
    country = models.CharField(max_length=2, default="ES")
    zone = models.CharField(max_length=64, default="Europe/Madrid")
    currency = models.CharField(max_length=3, default="EUR")
    language = models.CharField(max_length=8, default="en")
    postal_address = models.CharField(max_length=400, blank=True, default="")
    # Who messages come from where their content does not say; empty: DEFAULT_FROM_EMAIL.
    sender_name = models.CharField(max_length=120, blank=True, default="", db_default="")
    sender_address = models.EmailField(max_length=254, blank=True, default="", db_default="")
    sms_sender = models.CharField(max_length=16, blank=True, default="", db_default="")
    quiet_from = models.TimeField(default="21:00")
    quiet_until = models.TimeField(default="09:00")
    cap_messages = models.PositiveSmallIntegerField(default=3)
    cap_days = models.PositiveSmallIntegerField(default=7)
    global_holdout_pct = models.PositiveSmallIntegerField(default=0)
    stages = models.JSONField(default=list, blank=True)
    # Limits, order and blocked values of identifiers (`crm.identity.rules`).
    identifiers = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    # Days for which each class of data is kept, where they differ from what we advise (`crm.retention`).
    retention = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    # Which source is believed before which, the first most; by field where one differs (`crm.sources`).
    sources = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(only=True), name="workspace_only_one")]
