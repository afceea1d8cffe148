"""A tile of the palette."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The groups in which tiles are offered, in order.
FAMILIES: dict[str, Promise] = {
    "send": _("Send"),
    "wait": _("Wait"),
    "split": _("Split"),
    "change": _("Change"),
    "flow": _("Flow"),
}


@dataclass(frozen=True)
class Tile:
    """`kind` is the step's type; `icon` the name of a Tabler outline icon; `ports` names the ways on."""

    kind: str
    family: str
    label: Promise
    help: Promise
    icon: str
    ports: dict[str, Promise]


tiles: dict[str, Tile] = {}


def tile(
    kind: str, *, family: str, label: Promise, help_text: Promise, icon: str, ports: dict[str, Promise] | None = None
) -> Tile:
    """Add a tile; a kind has one."""
    if kind in tiles or family not in FAMILIES:
        raise ValueError(f"{kind!r} has a tile already, or {family!r} is no family")
    tiles[kind] = Tile(kind, family, label, help_text, icon, ports or {})
    return tiles[kind]
