"""Who asks: `Authorization: Bearer sk_…`, or the key as the user name of Basic (write keys of SDKs)."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any, Final, cast

from django.db.models.signals import post_delete, post_save
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from crm import apikeys, clock
from crm.models import ApiKey
from crm.rest import principal
from crm.rest.principal import Principal

# Whom a request that is sent again from here is taken for (`crm.rest.resending`); nothing from outside can set it.
AS: Final = "_cauce_as"
CHALLENGE: Final = 'Bearer realm="cauce"'

# For so long a process remembers who a key is. One that is revoked, narrowed or given another role
# elsewhere is obeyed within this time, in the process that saves it at once; one that expires, at once.
FRESH_SECONDS: Final = 3.0
MOST_HELD: Final = 1_000
_held: dict[str, tuple[float, Principal, ApiKey]] = {}


class KeyAuthentication(authentication.BaseAuthentication):
    """A key that is sent must be right: a wrong one never falls through to a session."""

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey] | None:
        if (given := getattr(request._request, AS, None)) is not None:
            return cast(tuple[Principal, ApiKey], given)
        secret = secret_of(request.META.get("HTTP_AUTHORIZATION", ""))
        if secret is None:
            return None
        found = known(secret)
        if found is None:
            raise exceptions.AuthenticationFailed(
                "This key is unknown, has expired or was revoked. A key is made with `manage.py create_api_key`.",
                code="invalid_key",
            )
        return found

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(authentication.SessionAuthentication):
    """A person who is logged in; changes need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        return None if found is None else (principal.of_user(found[0]), None)


class KeySecurity(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document speaks of keys."""

    target_class = "crm.rest.keys.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A secret key, `sk_…`."}


class SessionSecurity(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "crm.rest.keys.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A person who is logged in."}


def forget(**_: Any) -> None:
    """Ask the database again at the next request (a key was changed)."""
    _held.clear()


for changed in (post_save, post_delete):
    changed.connect(forget, sender=ApiKey, dispatch_uid="crm.rest.keys.forget")


def known(secret: str) -> tuple[Principal, ApiKey] | None:
    """Who has this secret; None: nobody, or not any more."""
    place, moment = apikeys.hash_of(secret), time.monotonic()
    until, asker, key = _held.get(place, (0.0, None, None))
    if asker is not None and key is not None and moment < until:
        return (asker, key) if key.expires_at is None or key.expires_at > clock.real() else None
    found = apikeys.find(secret)
    if found is None:
        _held.pop(place, None)
        return None
    if len(_held) >= MOST_HELD:
        _held.clear()
    asker = principal.of_key(found)
    _held[place] = (moment + FRESH_SECONDS, asker, found)
    return asker, found


def secret_of(header: str) -> str | None:
    """The key in an Authorization header, or None where there is no header."""
    scheme, _, rest = header.partition(" ")
    if not header:
        return None
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
    return ""
