"""The kinds of step: one file each, found here without Django so that the engine stays pure."""

from __future__ import annotations

import importlib
import pkgutil

from campaigns.steps.base import Step, kinds

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Step", "kinds"]
