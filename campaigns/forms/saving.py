"""The page of settings saved by itself: of what somebody touched, what holds goes into the draft at once;
what does not hold stays with them, named at its field. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from campaigns import commands
from campaigns.forms.goal import GoalForm
from crm import digest

Document = dict[str, Any]
# (field, words) of each mistake that only the reader of documents knows.
Wrong = Callable[[Document], Iterable[tuple[str, str]]]

# Fields that stand in one place of the document. Touching one takes the others from the page too: what
# another choice hid, and the document has forgotten, comes back with it.
ENTRY: Final = ("entry_", "where_", "debounce_", "leave_", "at", "zone", "if_past", "reentry")
TOGETHER: Final = (ENTRY, ("goal_", "exit_"))
# Fields of which one says nothing without the others: kept, or left, as one.
KNOTS: Final = (
    ("where_",), ("debounce_",), ("reentry",), ("who_",), ("holdout_",), ("expiry_",), ("exit_segment", "exit_when"),
)  # fmt: skip


@dataclass
class Settled:
    """`document`: the draft with what holds. `errors` by field ("" is the page). `left`: touched, not kept."""

    document: Document
    errors: dict[str, list[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)


def seen(document: Mapping[str, Any]) -> str:
    """What an editor has seen of the settings. What others do to steps is no conflict."""
    return digest.of({key: document[key] for key in document if key != "steps"})


def settle(form: GoalForm, touched: Collection[str], wrong: Wrong) -> Settled:
    """Take the touched fields as far as they hold; a field takes its knot with it."""
    asked = {name for each in touched for name in _with(each, form.fields, (*TOGETHER, *KNOTS))}
    errors = {name: [str(each) for each in found] for name, found in form.errors.items() if name in asked}
    taken = asked - _knots(errors, form.fields)
    before = set(wrong(form.base))
    document = form.document(taken)
    while taken and (found := [each for each in wrong(document) if each not in before]):
        for name, words in found:
            errors.setdefault(name, []).append(words)
        taken -= _knots({name for name, _words in found}, form.fields) & taken or taken
        document = form.document(taken)
    return Settled(document if taken else form.base, errors, set(touched) - taken)


def edits(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The commands that make one of the other, a setting each."""
    return [
        {"do": "set", "path": key, "value": after.get(key)}
        for key in sorted(commands.TOP)
        if before.get(key) != after.get(key)
    ]


def _knots(names: Collection[str], fields: Collection[str]) -> set[str]:
    return {name for each in names for name in _with(each, fields, KNOTS)}


def _with(name: str, fields: Collection[str], ties: Iterable[tuple[str, ...]]) -> set[str]:
    """The field and those it is tied to."""
    tied = [heads for heads in ties if _is_of(name, heads)]
    return {name} | {each for each in fields for heads in tied if _is_of(each, heads)}


def _is_of(name: str, heads: tuple[str, ...]) -> bool:
    return any(name == head or name.startswith(f"{head.removesuffix('_')}_") for head in heads)
