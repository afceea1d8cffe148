"""What people see of each kind of step: its words and its icon, one file each (decision A29).

The pure half of a kind is in `campaigns/steps/`; a kind without words here is a mistake in code
that a test finds.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from campaigns import canvas, commands
from campaigns.palette import split_random
from campaigns.palette.base import FAMILIES, Said, Tile, joined, tiles

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["FAMILIES", "Tile", "speaker", "summary", "tiles", "title"]


def title(step: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """What a step is called: its own label, or what its settings say."""
    return _words(step, names or {})[0]


def summary(step: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """The rest of a step in a line."""
    return _words(step, names or {})[1]


def names(document: Mapping[str, Any]) -> dict[str, str]:
    """What each step is called, by id."""
    return {str(step.get("id")): title(step) for _, step in commands.walk(document)}


def speaker(document: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], canvas.Words]:
    """Says the words of each step of a document, for `canvas.draw`."""
    has_jumps = any(step.get("type") == "goto" for _, step in commands.walk(document))
    called = names(document) if has_jumps else {}

    def say(step: Mapping[str, Any]) -> canvas.Words:
        tile = tiles.get(str(step.get("type")))
        heading, rest = _words(step, called)
        if tile is None:
            return canvas.Words(heading, rest)
        ports = [(port, str(label)) for port, label in tile.ports.items()] if tile.kind != "goto" else []
        return canvas.Words(
            heading, rest, tile.icon, tile.colour or tile.family, str(tile.label),
            (*_branches(step), *ports), _labels(step),
        )  # fmt: skip

    return say


def _words(step: Mapping[str, Any], called: Mapping[str, str]) -> tuple[str, str]:
    tile = tiles.get(str(step.get("type")))
    heading, rest = tile.summary(step, called) if tile else (str(step.get("type", "")), "")
    label = step.get("label")
    if isinstance(label, str) and label.strip():
        return label.strip(), joined(heading, rest)
    return heading, rest


def _branches(step: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The ways on that a wait for events has by its settings."""
    config = step.get("config")
    branches = config.get("branches") if isinstance(config, dict) and step.get("type") == "wait.event" else None
    found = branches if isinstance(branches, list) else []
    return [(str(each["label"]), str(each["label"])) for each in found if isinstance(each, dict) and each.get("label")]


def _labels(step: Mapping[str, Any]) -> dict[str, str]:
    if step.get("type") != "split.random":
        return {}
    return split_random.shares(Said({}, commands.lanes_of(step)))
