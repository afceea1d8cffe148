"""What an edit changed, small enough to keep and good for both directions. Pure.

A patch is a list of changes in the order in which they are made. A change of a value is
`{"p": path, "a": before, "b": after}` (a side that is absent is left out), a change of a list
`{"p": path, "i": index, "out": [...], "in": [...]}`: so many items out at the index, so many in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Path = Sequence[str | int]
Patch = list[dict[str, Any]]


class Misfit(ValueError):
    """The document is not the one the patch was made for."""


def diff(before: Any, after: Any) -> Patch:
    """The patch that makes `after` of `before`."""
    patch: Patch = []
    _compare(before, after, [], patch)
    return patch


def apply(patch: Patch, document: Any) -> Any:
    """The document after the patch; the given one stays as it is. Raises Misfit."""
    for change in patch:
        document = rewrite(document, change["p"], _maker(change))
    return document


def invert(patch: Patch) -> Patch:
    """The patch that takes this one back."""
    turn = {"a": "b", "b": "a", "in": "out", "out": "in"}
    return [{turn.get(key, key): value for key, value in change.items()} for change in reversed(patch)]


ABSENT: Any = object()


def rewrite(value: Any, path: Path, make: Callable[[Any], Any]) -> Any:
    """A copy of `value` in which the thing at `path` is what `make` makes of it (ABSENT: gone). Only
    the containers on the way are copied, so a small edit of a long journey costs little."""
    if not path:
        return make(value)
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        made = rewrite(value.get(key, ABSENT), rest, make)
        copy: Any = dict(value)
        if made is ABSENT:
            copy.pop(key, None)
        else:
            copy[key] = made
        return copy
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        copy = list(value)
        copy[key] = rewrite(value[key], rest, make)
        return copy
    raise Misfit(f"there is nothing at {key!r}")


def _maker(change: dict[str, Any]) -> Callable[[Any], Any]:
    if "i" in change:
        return lambda old: _splice(old, change["i"], change["out"], change["in"])
    return lambda old: _swap(old, change.get("a", ABSENT), change.get("b", ABSENT))


def _splice(old: Any, index: int, out: list[Any], into: list[Any]) -> list[Any]:
    if not isinstance(old, list) or old[index : index + len(out)] != out or index > len(old):
        raise Misfit("the list is another one")
    return [*old[:index], *into, *old[index + len(out) :]]


def _swap(old: Any, before: Any, after: Any) -> Any:
    if (old is ABSENT) != (before is ABSENT) or (before is not ABSENT and not same(old, before)):
        raise Misfit("the value is another one")
    return after


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _compare(before: Any, after: Any, path: list[str | int], patch: Patch) -> None:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _compare_objects(before, after, path, patch)
    elif isinstance(before, list) and isinstance(after, list):
        _compare_lists(before, after, path, patch)
    elif not same(before, after) or isinstance(before, (dict, list)):
        patch.append({"p": path, "a": before, "b": after})


def _compare_objects(before: dict[str, Any], after: dict[str, Any], path: list[str | int], patch: Patch) -> None:
    for key, old in before.items():
        if key in after:
            _compare(old, after[key], [*path, key], patch)
        else:
            patch.append({"p": [*path, key], "a": old})
    patch.extend({"p": [*path, key], "b": new} for key, new in after.items() if key not in before)


def _compare_lists(before: list[Any], after: list[Any], path: list[str | int], patch: Patch) -> None:
    """Common ends are left alone. What stands between is one splice, unless it is the same
    things (by their ids) changed inside."""
    start, most = 0, min(len(before), len(after))
    while start < most and _equal(before[start], after[start]):
        start += 1
    end = 0
    while end < most - start and _equal(before[-1 - end], after[-1 - end]):
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if not old and not new:
        return
    if len(old) == len(new) and all(_is_one(a, b) for a, b in zip(old, new, strict=True)):
        for number, (one, other) in enumerate(zip(old, new, strict=True), start):
            _compare(one, other, [*path, number], patch)
    else:
        patch.append({"p": path, "i": start, "out": old, "in": new})


def _is_one(before: Any, after: Any) -> bool:
    """The same thing, changed inside: both are objects of one id (a thing without one has none)."""
    return isinstance(before, dict) and isinstance(after, dict) and before.get("id") == after.get("id")


def _equal(one: Any, other: Any) -> bool:
    """Equal to the depths: Python thinks that [1] is [true]."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return same(one, other)
