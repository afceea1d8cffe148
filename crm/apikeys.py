"""Keys of integrators: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from crm import access, audit, clock
from crm.models import ApiKey, Store, User

# Write keys stand in web pages: they can only tell events.
PUBLISHABLE: Final = "tracking"
SHOWN: Final = 12
# `last_used_at` is a hint, not a log: it is written once in a while.
HINT: Final = timedelta(minutes=5)
FOUND: Final = [column.attname for column in ApiKey._meta.concrete_fields]
FIND: Final = f"""
SELECT {", ".join(FOUND)} FROM crm_apikey
WHERE hash = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)
"""  # noqa: S608 - our own column names


def create(
    role: str,
    name: str,
    *,
    scopes: Sequence[str] = (),
    store: Store | None = None,
    expires_at: datetime | None = None,
    made_by: User | None = None,
    replaces: ApiKey | None = None,
) -> str:
    """A new key. The secret is returned now and never again. `ValueError` for an unknown role or scope."""
    if role not in access.KEY_ROLES:
        raise ValueError(f"{role!r} is no role of a key; it is one of {', '.join(access.KEY_ROLES)}.")
    strange = set(scopes) - access.of_key(role)
    if strange:
        raise ValueError(f"A {role} key cannot have the scope {min(strange)!r}.")
    kind = "wk_" if role == PUBLISHABLE else f"sk_{settings.CAUCE_MODE}_"
    secret = kind + secrets.token_urlsafe(32)
    ApiKey.objects.create(
        name=name,
        role=role,
        scopes=list(scopes),
        prefix=secret[:SHOWN],
        hash=hash_of(secret),
        store=store,
        expires_at=expires_at,
        made_by=made_by,
        replaces=replaces,
    )
    return secret


def roll(key: ApiKey, *, overlap: timedelta, made_by: User | None, actor: str) -> str:
    """A key with the same rights in its place; the old one holds for the `overlap`. The secret is told once."""
    with transaction.atomic():
        secret = create(
            key.role, key.name, scopes=key.scopes, store=key.store, expires_at=key.expires_at, made_by=made_by,
            replaces=key,
        )  # fmt: skip
        until = clock.real() + overlap
        key.expires_at = min(until, key.expires_at) if key.expires_at else until
        key.save(update_fields=["expires_at"])
        audit.record(
            actor, "key.roll", f"key:{key.pk}", None, {"name": key.name, "hours": overlap.total_seconds() / 3600}
        )
    return secret


def revoke(key: ApiKey, *, actor: str) -> None:
    """It opens nothing any more: in this process at once, in others within seconds."""
    with transaction.atomic():
        key.revoked_at = key.revoked_at or clock.real()
        key.save(update_fields=["revoked_at"])
        audit.record(actor, "key.revoke", f"key:{key.pk}", None, {"name": key.name})


def find(secret: str) -> ApiKey | None:
    """The key of a secret, if it is in force. Every request asks: one plain statement, no query builder."""
    real = clock.real()
    with connection.cursor() as cursor:
        cursor.execute(FIND, [hash_of(secret), real])
        row = cursor.fetchone()
    if row is None:
        return None
    key = ApiKey.from_db("default", FOUND, row)
    if key.last_used_at is None or real - key.last_used_at > HINT:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=real)
    return key


def hash_of(secret: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
