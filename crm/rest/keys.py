"""Who asks: `Authorization: Bearer sk_…`, or the key as the user name of Basic (write keys of SDKs)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from crm import apikeys
from crm.models import ApiKey
from crm.rest import principal
from crm.rest.principal import Principal

CHALLENGE: Final = 'Bearer realm="cauce"'


class KeyAuthentication(authentication.BaseAuthentication):
    """A key that is sent must be right: a wrong one never falls through to a session."""

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey] | None:
        secret = secret_of(request.META.get("HTTP_AUTHORIZATION", ""))
        if secret is None:
            return None
        key = apikeys.find(secret)
        if key is None:
            raise exceptions.AuthenticationFailed(
                "This key is unknown, has expired or was revoked. A key is made with `manage.py create_api_key`.",
                code="invalid_key",
            )
        return principal.of_key(key), key

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
