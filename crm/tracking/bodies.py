"""The bodies of SDKs: JSON under any content type, plain or gzip, within limits. Pure.

analytics.js sends `text/plain`, RudderStack's Node SDK gzip as `application/x-www-form-urlencoded`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from crm import nesting
from crm.errors import Problem

# RudderStack's SDKs for servers send up to 4 MB at once, Segment's 500 kB.
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_OF_ONE: Final = 32 * 1024
MOST_AT_ONCE: Final = 5_000
MOST_DEPTH: Final = 20
GZIP: Final = 16 + zlib.MAX_WBITS
MAGIC: Final = b"\x1f\x8b"


def read(raw: bytes, encoding: str) -> dict[str, Any]:
    """The object that was sent; raises Problem for what is too large, too deep or no JSON object."""
    if len(raw) > MOST_BYTES:
        raise _too_large()
    plain = inflate(raw) if encoding.strip().lower() in ("gzip", "x-gzip") or raw[:2] == MAGIC else raw
    try:
        data = orjson.loads(plain)
    except orjson.JSONDecodeError as error:
        raise Problem("", "not_json", f"This is not JSON: {error.msg}, line {error.lineno}.") from None
    if not isinstance(data, dict):
        raise Problem("", "not_an_object", "A body is one JSON object, in braces.")
    if nesting.is_deeper(data, MOST_DEPTH):
        raise Problem("", "too_deep", f"JSON may be nested {MOST_DEPTH} levels deep.")
    return data


def inflate(raw: bytes) -> bytes:
    """Unzip, and stop where it would become larger than what may be sent plain."""
    engine = zlib.decompressobj(GZIP)
    try:
        plain = engine.decompress(raw, MOST_BYTES + 1)
    except zlib.error:
        raise Problem("", "not_gzip", "The body says that it is gzip and is not.") from None
    if len(plain) > MOST_BYTES:
        raise _too_large()
    if not engine.eof:
        raise Problem("", "not_gzip", "The gzip body ends in the middle.")
    return plain


def is_large(message: Mapping[str, Any]) -> bool:
    """Is one message of a batch more than one may be?"""
    return len(orjson.dumps(message)) > MOST_OF_ONE


def _too_large() -> Problem:
    return Problem(
        "", "body_too_large", f"A batch may have {MOST_BYTES >> 20} MB and a message {MOST_OF_ONE // 1024} kB."
    )
