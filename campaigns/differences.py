"""What changed between two documents of a campaign, as things people name: steps and settings. Pure.

Words are made where it is shown: a change says what kind it is, where, and the two values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from campaigns import commands

ADDED: Final = "added"
REMOVED: Final = "removed"
MOVED: Final = "moved"
CHANGED: Final = "changed"
# Keys at the top that are no settings of their own.
STRUCTURE: Final = frozenset({"steps"})
# What of a step is compared beside its place.
PARTS: Final = ("config", "label", "note", "type")


@dataclass(frozen=True)
class Field:
    """A value that is another now. `name` is its path in the step's config ("subject"), or "when" …"""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """`what` happened to a step (`step`, its kind and label) or to a setting (`setting`, `step` empty)."""

    what: str
    step: str = ""
    kind: str = ""
    label: str = ""
    setting: str = ""
    fields: tuple[Field, ...] = ()


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Settings first, then steps in the order of the new journey, then those that are gone."""
    found = [
        Change(CHANGED, setting=key, fields=(Field(key, before.get(key), after.get(key)),))
        for key in sorted({*before, *after} - STRUCTURE)
        if before.get(key) != after.get(key)
    ]
    old, new = _steps(before), _steps(after)
    for name, (place, step) in new.items():
        if name not in old:
            found.append(_change(ADDED, step))
            continue
        was_at, was = old[name]
        fields = _fields(was, step)
        if fields:
            found.append(_change(CHANGED, step, fields))
        elif was_at != place and _moved(name, old, new):
            found.append(_change(MOVED, step))
    found.extend(_change(REMOVED, step) for name, (_, step) in old.items() if name not in new)
    return found


def _steps(document: Mapping[str, Any]) -> dict[str, tuple[tuple[str, str], dict[str, Any]]]:
    """Step id -> ((the lane it stands in, the step before it), step)."""
    found: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {}
    last: dict[str, str] = {}
    for path, step in commands.walk(document):
        lane = _lane(document, path)
        name = str(step.get("id", ""))
        found[name] = ((lane, last.get(lane, "")), step)
        last[lane] = name
    return found


def _lane(document: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """The split and the lane around a step, by ids: they survive when others move."""
    if len(path) < 4:
        return ""
    split: Any = document
    for key in path[:-4]:
        split = split[key]
    lane = split["lanes"][path[-3]]
    return f"{split.get('id')}:{lane.get('id') or lane.get('label')}"


def _moved(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Moved itself, and not only because its neighbour came or went."""
    (was_lane, was_after), _ = old[name]
    (lane, after), _ = new[name]
    if was_lane != lane:
        return True
    return was_after in new and after in old and was_after != after


def _fields(was: Mapping[str, Any], step: Mapping[str, Any]) -> tuple[Field, ...]:
    found: list[Field] = []
    before, after = _config(was), _config(step)
    found.extend(
        Field(key, before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )
    found.extend(
        Field(part, was.get(part, ""), step.get(part, ""))
        for part in PARTS
        if part != "config" and was.get(part, "") != step.get(part, "")
    )
    lanes, others = _lanes(was), _lanes(step)
    if lanes != others:
        found.append(Field("lanes", lanes, others))
    return tuple(found)


def _config(step: Mapping[str, Any]) -> Mapping[str, Any]:
    config = step.get("config")
    return config if isinstance(config, dict) else {}


def _lanes(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lanes without what is in them."""
    return [{key: value for key, value in lane.items() if key != "steps"} for lane in commands.lanes_of(step)]


def _change(what: str, step: Mapping[str, Any], fields: tuple[Field, ...] = ()) -> Change:
    return Change(what, str(step.get("id", "")), str(step.get("type", "")), str(step.get("label") or ""), fields=fields)
