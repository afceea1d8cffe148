"""What somebody was known by, as a pattern to find them by where no column names them. Pure.

A number is found however it was written (`+34 600 11 22 33`, `600112233`); a card or an id only as a whole word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# Shorter ones stand everywhere by chance.
SHORTEST: Final = 5
# A national number; what stands before it is the way to dial it.
DIGITS: Final = 9
BETWEEN: Final = r"[ ()./-]*"


def pattern(known_by: Iterable[tuple[str, str]]) -> str:
    """A regular expression over these (kind, value), for `~*` of PostgreSQL and for `re`; for none it finds nothing."""
    told = sorted({_one(kind, value) for kind, value in known_by if len(value) >= SHORTEST})
    return "|".join(told) or "(?=a)b"


def _one(kind: str, value: str) -> str:
    digits = re.sub(r"\D", "", value)[-DIGITS:]
    if kind == "phone" and len(digits) == DIGITS:
        return f"{BETWEEN.join(digits)}(?![0-9])"
    escaped = re.sub(r"([^\w\s])", r"\\\1", value)
    return f"(?<![0-9a-z]){escaped}(?![0-9a-z])"
