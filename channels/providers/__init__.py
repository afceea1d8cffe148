"""Carriers: one file each. Every module of this folder is loaded and registers what it has."""

from importlib import import_module
from pkgutil import iter_modules

from channels.providers.base import Carrier, Field, carriers

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["Carrier", "Field", "carriers"]
