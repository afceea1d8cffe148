"""Credentials of providers, encrypted at rest with a key made from `SECRET_KEY`.

They are write-only: nothing but a carrier being opened ever reads them again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """The secrets were encrypted with another SECRET_KEY. Enter them again."""


def seal(values: dict[str, Any]) -> str:
    """`values` as a text to store in `Account.secrets`."""
    return _box().encrypt(json.dumps(values).encode()).decode() if values else ""


def unseal(text: str) -> dict[str, Any]:
    """What `seal` was given. Raises Unreadable if SECRET_KEY has changed without a fallback."""
    if not text:
        return {}
    try:
        values: dict[str, Any] = json.loads(_box().decrypt(text.encode()))
    except InvalidToken:
        raise Unreadable(
            "The account's secrets cannot be read with this SECRET_KEY. Enter them again, or put the "
            "former key into SECRET_KEY_FALLBACKS."
        ) from None
    return values


def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ()))
    return MultiFernet([_fernet(key) for key in keys])


@lru_cache(maxsize=8)
def _fernet(secret: str) -> Fernet:
    digest = hashlib.sha256(f"cauce.channels.secrets:{secret}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
