"""Channels that words can be written for: one file a channel, found by being here. Pure of Django."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from channels.kinds.base import Kind


@cache
def all_kinds() -> dict[str, Kind]:
    """Channel name → kind, from the files of this package."""
    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(__path__):
        kind = getattr(import_module(f"{__name__}.{module.name}"), "KIND", None)
        if kind is not None:
            found[kind.name] = kind
    return found


def get(channel: str) -> Kind | None:
    return all_kinds().get(channel)
