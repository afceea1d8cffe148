"""Who works here: the first admin, roles, the end of somebody's access, and their return.

Whatever could leave the place without an admin, or give it two first ones, waits for the same lock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from crm import audit
from crm.errors import Problem
from crm.models import ApiKey, Membership, User
from crm.models.team import Role
from crm.partitions import LOCK_TEAM

# A role, and for store roles the store it holds for.
Post = tuple[str, int | None]


@dataclass(frozen=True)
class Newcomer:
    """What a person says of themselves when they join."""

    email: str
    name: str
    password: str
    language: str = ""


def admins() -> QuerySet[User]:
    """Those who may do everything and can log in."""
    appointed = Membership.objects.filter(user=OuterRef("pk"), role=Role.ADMIN)
    return User.objects.filter(Q(Exists(appointed)) | Q(is_superuser=True), is_active=True)


def nobody_administers() -> bool:
    return not admins().exists()


def lock() -> None:
    """One change of who administers this place at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_TEAM])


def found(who: Newcomer) -> User | None:
    """The first admin, within the caller's transaction; None when somebody was faster."""
    lock()
    if not nobody_administers():
        return None
    user = User.objects.filter(email=who.email.lower()).first()
    if user is not None:
        raise Problem("/email", "taken", gettext("Somebody works here with this address already."))
    user = _join(who, [(Role.ADMIN, None)])
    audit.record(f"user:{user.pk}", "team.found", f"user:{user.pk}", after={"email": user.email, "role": Role.ADMIN})
    return user


def join(who: Newcomer, posts: Collection[Post], actor: str) -> User:
    """Somebody who was invited begins to work here."""
    with transaction.atomic():
        lock()
        if User.objects.filter(email=who.email.lower()).exists():
            raise Problem("/email", "taken", gettext("Somebody works here with this address already."))
        user = _join(who, posts)
        audit.record(actor or f"user:{user.pk}", "team.join", f"user:{user.pk}", after=_shown(user))
    return user


def assign(user_id: int, posts: Collection[Post], actor: str) -> User:
    """Give somebody exactly these roles. The last admin stays one."""
    with transaction.atomic():
        lock()
        user = User.objects.select_for_update().get(pk=user_id)
        before = _shown(user)
        if Role.ADMIN not in {role for role, _ in posts}:
            _another_admin_than(user)
            if user.is_superuser or user.is_staff:
                user.is_superuser = user.is_staff = False
                user.save(update_fields=["is_superuser", "is_staff"])
        _appoint(user, posts)
        audit.record(actor, "team.roles", f"user:{user.pk}", before, _shown(user))
    return user


def deactivate(user_id: int, actor: str) -> User:
    """End somebody's access and all their sessions at once. Their keys go on: `keys_of` names them."""
    with transaction.atomic():
        lock()
        user = User.objects.select_for_update().get(pk=user_id)
        if user.is_active:
            _another_admin_than(user)
            user.is_active = False
            user.session_epoch += 1
            user.save(update_fields=["is_active", "session_epoch"])
            kept = [key.name for key in keys_of(user)]
            audit.record(actor, "team.deactivate", f"user:{user.pk}", {"active": True}, {"active": False, "keys": kept})
    return user


def reactivate(user_id: int, actor: str) -> User:
    """Let somebody in again; sessions from before stay ended."""
    with transaction.atomic():
        lock()
        user = User.objects.select_for_update().get(pk=user_id)
        if not user.is_active:
            user.is_active = True
            user.save(update_fields=["is_active"])
            audit.record(actor, "team.reactivate", f"user:{user.pk}", {"active": False}, {"active": True})
    return user


def describe(user: User, name: str, language: str, actor: str) -> None:
    """Somebody's name and the language they read."""
    before = {"name": user.name, "language": user.language}
    user.name, user.language = name, language
    with transaction.atomic():
        user.save(update_fields=["name", "language"])
        audit.record(actor, "team.profile", f"user:{user.pk}", before, {"name": name, "language": language})


def set_password(user: User, password: str, actor: str, *, how: str) -> None:
    """A new password ends all other sessions of this person. `how`: changed or reset."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.record(actor, f"team.password.{how}", f"user:{user.pk}")


def keys_of(user: User) -> QuerySet[ApiKey]:
    """The keys in force that somebody made."""
    return user.keys.filter(revoked_at__isnull=True).order_by("name")


def _join(who: Newcomer, posts: Collection[Post]) -> User:
    user = User.objects.create_user(who.email, who.password, name=who.name, language=who.language)
    _appoint(user, posts)
    return user


def _appoint(user: User, posts: Collection[Post]) -> None:
    held = {(each.role, each.store_id): each.pk for each in user.memberships.all()}
    wanted = set(posts)
    Membership.objects.filter(pk__in=[pk for post, pk in held.items() if post not in wanted]).delete()
    new = sorted(wanted - held.keys(), key=str)
    Membership.objects.bulk_create([Membership(user=user, role=role, store_id=store) for role, store in new])


def _another_admin_than(user: User) -> None:
    if not admins().exclude(pk=user.pk).exists() and admins().filter(pk=user.pk).exists():
        raise Problem(
            "", "last_admin", gettext("Somebody must administer this place: make another person an admin first.")
        )


def _shown(user: User) -> dict[str, object]:
    posts = user.memberships.order_by("role", "store_id").values_list("role", "store__code")
    return {"email": user.email, "roles": [f"{role}@{store}" if store else role for role, store in posts]}
