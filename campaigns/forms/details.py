"""A detail of an event as people write it, `cart_id`, and as documents have it, `properties.cart_id`. Pure."""

from __future__ import annotations

from typing import Any

from campaigns.reading import PREFIX


def bare(path: Any) -> str:
    return str(path or "").removeprefix(PREFIX)


def full(text: str) -> str:
    return PREFIX + text.strip().removeprefix(PREFIX)
