"""Draws that repeat: md5 of a salt and the contact's fixed draw (decisions B19, C2). Pure.

The same in SQL: `('x' || substr(md5(salt || ':' || draw::text), 1, 8))::bit(32)::bigint`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SPAN = 2**32


def bucket(salt: str, draw: str) -> int:
    """0 … 2³²−1, the same for ever."""
    return int(hashlib.md5(f"{salt}:{draw}".encode(), usedforsecurity=False).hexdigest()[:8], 16)


def held_out(salt: str, draw: str, pct: float) -> bool:
    """Whether this contact is among the `pct` per cent (two decimals) that are held out.

    In SQL: `bucket * 10000 < round(pct * 100) * 4294967296`.
    """
    return bucket(salt, draw) * 10_000 < round(pct * 100) * SPAN


def pick(salt: str, draw: str, weights: Sequence[int]) -> int:
    """The index of the weight that this contact's draw falls on."""
    point = bucket(salt, draw) * sum(weights)
    reached = 0
    for index, weight in enumerate(weights):
        reached += weight * SPAN
        if point < reached:
            return index
    raise ValueError("there is nothing to pick from")
