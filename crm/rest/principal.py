"""Who asks: a key or a person, with what they may do and for which stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rest_framework.request import Request

from crm import access
from crm.models import ApiKey, User

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Principal:
    """`stores`: None is all stores; otherwise the ids of those they see."""

    actor: str
    name: str
    permissions: frozenset[str]
    stores: frozenset[int] | None = None
    store_code: str = ""

    # What DRF asks of a user.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def pk(self) -> str:
        return self.actor

    def may(self, permission: str) -> bool:
        return permission in self.permissions


def of(request: Request) -> Principal:
    """The principal of an authenticated request."""
    asker: object = request.user
    if not isinstance(asker, Principal):
        raise TypeError("Only our own authentication classes say who asks.")
    return asker


def of_key(key: ApiKey) -> Principal:
    """Scopes narrow the role, they never widen it."""
    permissions = access.of_key(key.role)
    if key.scopes:
        permissions &= frozenset(key.scopes)
    stores = frozenset({key.store_id}) if key.store_id else None
    return Principal(f"key:{key.pk}", key.name, permissions, stores, key.store.code if key.store else "")


def of_user(user: User) -> Principal:
    memberships = list(user.memberships.select_related("store"))
    permissions: frozenset[str] = access.of_roles(
        ["admin"] if user.is_superuser else [each.role for each in memberships]
    )
    everywhere = user.is_superuser or any(each.store_id is None for each in memberships)
    stores = None if everywhere else frozenset(_ids(each.store_id for each in memberships))
    codes = [each.store.code for each in memberships if each.store]
    return Principal(
        f"user:{user.pk}", user.email, permissions, stores, codes[0] if not everywhere and len(codes) == 1 else ""
    )


def _ids(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]
