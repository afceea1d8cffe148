"""Signed links: opaque, bound to one purpose, naming a message and never an address.

A token is base64url of the message id, the link's number and 18 bytes of
HMAC-SHA256 under a key made for that one purpose, so a click token cannot
unsubscribe anybody. Tokens are stateless: they work as long as the secret does
(`SECRET_KEY_FALLBACKS` keeps old ones alive), also after a merge or an erasure.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Final, Literal

from django.conf import settings

Purpose = Literal["click", "open", "unsubscribe", "preferences", "confirm", "copy", "report"]

_PATHS: Final[dict[str, str]] = {
    "click": "/c/", "open": "/o/", "unsubscribe": "/u/", "preferences": "/p/", "confirm": "/k/",
    "copy": "/d/", "report": "/hooks/",
}  # fmt: skip
_MAC_BYTES: Final = 18
_SCANNERS: Final = re.compile(
    r"bot\b|crawl|spider|slurp|preview|proxy|scanner|barracuda|mimecast|proofpoint|safelinks|curl/|wget/|python-"
    r"|GoogleImageProxy|YahooMailProxy|facebookexternalhit|whatsapp/|telegrambot|headless",
    re.IGNORECASE,
)
# What opens a link this soon after the hand-over is a gateway, not a person.
TOO_SOON: Final = timedelta(seconds=2)


@dataclass(frozen=True)
class Named:
    """What a token names: a message, and for clicks the number of the link in it."""

    message_id: int
    link: int


def token(purpose: Purpose, message_id: int, link: int = 0) -> str:
    """An opaque text that only this installation can make, about 2 microseconds."""
    payload = _number(message_id) + _number(link)
    mac = hmac.digest(_key(purpose, settings.SECRET_KEY), payload, "sha256")[:_MAC_BYTES]
    return urlsafe_b64encode(mac + payload).rstrip(b"=").decode("ascii")


def read(purpose: Purpose, text: str) -> Named | None:
    """What a token names, or None if it was not made here for this purpose."""
    if not 25 <= len(text) <= 60 or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    for secret in (settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ())):
        expected = hmac.digest(_key(purpose, secret), payload, "sha256")[:_MAC_BYTES]
        if hmac.compare_digest(mac, expected):
            message_id, rest = _read_number(payload)
            link, _ = _read_number(rest)
            return Named(message_id, link)
    return None


def url(purpose: Purpose, message_id: int, link: int = 0) -> str:
    """The public address of a token."""
    end = {"open": ".gif", "report": "/"}.get(purpose, "")
    return f"{settings.BASE_URL}{_PATHS[purpose]}{token(purpose, message_id, link)}{end}"


def code(message_id: int) -> str:
    """Six digits that only this installation can make for a message; written nowhere but into the SMS itself."""
    mac = hmac.digest(_key("code", settings.SECRET_KEY), _number(message_id), "sha256")
    return f"{int.from_bytes(mac[:8], 'big') % 1_000_000:06d}"


def key(message_id: int) -> str:
    """The name of a message for ever: Message-ID and idempotency key (uuid5 of its id).

    Seeded by the pepper, which is kept for ever, so that a test installation and the live
    one never use the same Message-ID towards the same mailbox.
    """
    return _name(settings.SUPPRESSION_PEPPER, message_id)


def is_machine(method: str, headers: Mapping[str, str], handed_at: datetime | None, at: datetime) -> bool:
    """Whether a scanner, a prefetcher or a proxy followed the link, rather than a person."""
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "") + headers.get("X-Moz", "")
    agent = headers.get("User-Agent", "")
    return (
        method == "HEAD"
        or "prefetch" in purpose.lower()
        or not agent
        or _SCANNERS.search(agent) is not None
        or (handed_at is not None and at - handed_at < TOO_SOON)
    )


@lru_cache(maxsize=32)
def _key(purpose: str, secret: str) -> bytes:
    return sha256(f"cauce.link.{purpose}:{secret}".encode()).digest()


@lru_cache(maxsize=64)  # asked twice while a message is written
def _name(pepper: str, message_id: int) -> str:
    # uuid5 as RFC 9562 has it, without the object around its text.
    raw = bytearray(sha1(_seed(pepper) + b"%d" % message_id, usedforsecurity=False).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=4)
def _seed(pepper: str) -> bytes:
    return sha256(f"cauce.message:{pepper}".encode()).digest()[:16]


def _number(number: int) -> bytes:
    """A number in as few bytes as it needs, its length before it."""
    size = (number.bit_length() + 7) // 8
    return bytes((size,)) + number.to_bytes(size, "big")


def _read_number(payload: bytes) -> tuple[int, bytes]:
    size = payload[0]
    return int.from_bytes(payload[1 : 1 + size], "big"), payload[1 + size :]
