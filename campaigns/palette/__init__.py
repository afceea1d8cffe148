"""What people see of each kind of step: its words and its icon, one file each (decision A29).

The pure half of a kind is in `campaigns/steps/`; a kind without words here is a mistake in code
that a test finds.
"""

from __future__ import annotations

import importlib
import pkgutil

from campaigns.palette.base import FAMILIES, Tile, tiles

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["FAMILIES", "Tile", "tiles"]
