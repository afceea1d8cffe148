"""What the buttons beside the rows of a step do: add, remove, up, down."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Doc, config, lanes, moved, objects

ELSE = "else"


def carried_out(step: Doc, deed: str) -> Doc:
    """`remove:lanes:1` of a step; a deed that makes no sense changes nothing."""
    verb, _colon, rest = deed.partition(":")
    what, _colon, text = rest.partition(":")
    number = int(text) if text.isdigit() else -1
    if what == "lanes":
        return {**step, "lanes": _changed(lanes(step), verb, number, _new_lane(step))}
    if what == "branches":
        return _branches(step, verb, number)
    return step


def _changed(items: list[Doc], verb: str, number: int, new: Doc) -> list[Doc]:
    if verb == "add":
        # The lane for all others stays the last one.
        last = len(items) - 1 if items and items[-1].get("label") == ELSE else len(items)
        return [*items[:last], new, *items[last:]]
    if verb == "remove" and 0 <= number < len(items):
        return [each for place, each in enumerate(items) if place != number]
    if verb in ("up", "down"):
        return moved(items, number, -1 if verb == "up" else 1)
    return items


def _new_lane(step: Doc) -> Doc:
    taken = {each.get("label") for each in lanes(step)} | {each.get("id") for each in lanes(step)}
    label = _free(_("Lane"), taken)
    return {"label": label, "weight": 50} if step.get("type") == "split.random" else {"label": label}


def _branches(step: Doc, verb: str, number: int) -> Doc:
    """A branch of a wait goes together with its lane."""
    settings = config(step)
    branches = objects(settings.get("branches"))
    if verb == "remove" and 0 <= number < len(branches):
        gone = branches[number].get("label")
        step = {**step, "lanes": [each for each in lanes(step) if each.get("label") != gone]}
    label = _free(_("Lane"), {each.get("label") for each in branches})
    settings["branches"] = _changed(branches, verb, number, {"label": label, "event": ""})
    if verb == "add":
        step = {**step, "lanes": _before_last(lanes(step), {"label": label})}
    return {**step, "config": settings}


def _before_last(known: list[Doc], new: Doc) -> list[Doc]:
    place = next((number for number, each in enumerate(known) if each.get("label") == "timeout"), len(known))
    return [*known[:place], new, *known[place:]]


def _free(label: str, taken: set[Any]) -> str:
    number = 1
    while f"{label} {number}" in taken:
        number += 1
    return f"{label} {number}"
