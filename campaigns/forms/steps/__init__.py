"""The settings of a step as a form: one sheet for each kind."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.forms.steps.base import Doc, Field, Part, Room, Row, Typed, sheets
from campaigns.forms.steps.deeds import carried_out

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Doc", "Field", "Part", "Room", "Row", "Typed", "placed", "read", "sheets", "show"]


def show(step: Mapping[str, Any], room: Room) -> list[Part]:
    """The fields of a step; none for a kind nobody knows."""
    known = sheets.get(str(step.get("type")))
    return known.show(dict(step), room) if known else []


def read(step: Mapping[str, Any], typed: Typed, room: Room, deeds: Sequence[str] = ()) -> Doc:
    """The step as it was typed, and after what was asked to be done with its rows."""
    known = sheets.get(str(step.get("type")))
    if known is None:
        return dict(step)
    made = known.read(dict(step), typed, room)
    for deed in deeds:
        made = carried_out(made, deed)
    return made


def placed(parts: Sequence[Part], said: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Name of the field → what is wrong at its place; '' for what belongs to no field.

    A mistake deeper than a field's place belongs to that field, and to the nearest one.
    """
    names = _places(parts)
    found: dict[str, list[str]] = {}
    for place, words in said.items():
        near = [known for known in names if place == known or place.startswith(f"{known}/")]
        found.setdefault(names[max(near, key=len)] if near else "", []).extend(words)
    return found


def _places(parts: Sequence[Part]) -> dict[str, str]:
    """Place → the first field that stands there."""
    fields = [field for part in parts for field in [*part.fields, *(each for row in part.rows for each in _of(row))]]
    found: dict[str, str] = {}
    for field in fields:
        if field.place:
            found.setdefault(field.place, field.name)
    for part in parts:
        for row in part.rows:
            inside = _of(row)
            if row.place and inside:
                found.setdefault(row.place, inside[0].name)
    return found


def _of(row: Row) -> list[Field]:
    return [*row.fields, *(field for inner in row.inner for field in _of(inner))]
