"""What upper floors may say against a hand-off: which of these may not go, and why (decision A1).

Each veto is asked once per batch, inside the hand-off's transaction and under its locks, so it must
be set-based. It answers `{message id: reason}` for those that may not go. The reason `paused` holds
a message instead of ending it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from crm.registry import Named

Veto = Callable[[Sequence[int], datetime], dict[int, str]]

_vetoes: Named[Veto] = Named("vetoes")


def register(name: str, query: Veto, *, order: int = 100) -> None:
    """Let `query` have its say in every hand-off."""
    _vetoes.add(name, query, order=order)


def ask(message_ids: Sequence[int], now: datetime) -> dict[int, str]:
    """The first reason against each of the messages; those nobody objects to are absent."""
    said: dict[int, str] = {}
    for veto in _vetoes:
        said = {**veto(message_ids, now), **said}
    return said
