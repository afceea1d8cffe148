"""The search of the top bar: each app says what it finds, all answers are one list.

A finder is a callable `(text, permissions, limit) -> list[Hit]`, added to `finders`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.registry import Named


@dataclass(frozen=True)
class Hit:
    """`kind`: the word of its group, `icon` a name of the set, `detail` one quiet line."""

    kind: str
    title: str
    url: str
    icon: str
    detail: str = ""


Finder = Callable[[str, frozenset[str], int], list[Hit]]
finders: Named[Finder] = Named("finders")


def find(text: str, permissions: frozenset[str], limit: int = 6) -> list[Hit]:
    """Hits of all apps, in floor order; nothing for fewer than two letters."""
    text = text.strip()[:200]
    if len(text) < 2:
        return []
    return [hit for finder in finders for hit in finder(text, permissions, limit)]
