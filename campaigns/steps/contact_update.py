"""Change fields of the contact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from campaigns.reading import Reader, shown
from campaigns.steps.base import Decision, Go, Lane, Look, Step, step
from campaigns.types import Change

ACTIONS = ("set", "increment", "append", "remove")
MOST = 50
OWN = frozenset(
    {
        "contact.given_name",
        "contact.family_name",
        "contact.language",
        "contact.timezone",
        "contact.country",
        "contact.region",
        "contact.city",
        "contact.postal_code",
        "contact.birth_date",
    }
)
FIELD = re.compile(r"fields\.[^\s.\[\]]{1,64}")


@step
@dataclass(frozen=True)
class ContactUpdate(Step):
    """`changes` as `types.Change` has them. The page ends here: later rules must see the change."""

    changes: Mapping[str, Any]

    kind = "contact.update"

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        seen: set[str] = set()
        changes: dict[str, Any] = {}
        for action in ACTIONS:
            if config.has(action):
                changes[action] = _changes(config, action, seen)
        if config.has("unset"):
            changes["unset"] = _unset(config, seen)
        if not 1 <= len(seen) <= MOST:
            config.refuse("", "bad_count", f"give 1 to {MOST} changes (there are {len(seen)}).")
        return cls(changes)

    def onward(self) -> frozenset[str]:
        return frozenset()

    def decide(self, look: Look) -> Decision:
        if look.traveller.held_out:
            return Go("next", "holdout_campaign", again=True)
        return Go("next", "changed", effects=(Change(look.step, look.visit, self.changes),), again=True)


def _changes(config: Reader, action: str, seen: set[str]) -> dict[str, Any]:
    inner = Reader(config.raw(action), config.at(action), config.notes, config.subject)
    for path in list(inner.data)[: MOST + 1]:
        _target(inner, path, seen, own_too=action == "set")
        value = inner.raw(path)
        trouble = _VALUES[action](value)
        if trouble:
            inner.refuse(path, "bad_value", f"{path} {trouble}, not {shown(value)}.")
    return inner.data


def _unset(config: Reader, seen: set[str]) -> list[str]:
    paths = []
    for _, path in config.items("unset", low=1, high=MOST, of="fields"):
        if isinstance(path, str):
            _target(config, path, seen, own_too=True)
            paths.append(path)
        else:
            config.refuse("unset", "not_a_field", f"unset must be a list of fields, not of {shown(path)}.")
    return paths


def _target(reader: Reader, path: str, seen: set[str], *, own_too: bool) -> None:
    if not FIELD.fullmatch(path) and not (own_too and path in OWN):
        own = " or one of " + ", ".join(sorted(OWN)) if own_too else ""
        reader.refuse(path, "not_a_field", f"{shown(path)} cannot be changed so; use fields.<name>{own}.")
    if path in seen:
        reader.refuse(path, "changed_twice", f"{path} is changed twice; keep one of them.")
    seen.add(path)


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list, type(None))):
        return "must be a text, a number, true or false"
    return _literal(value)


def _literal(value: Any) -> str:
    if isinstance(value, str) and len(value) > 1_000:
        return "must be at most 1,000 characters"
    return "is taken as it is: templates are not known here" if isinstance(value, str) and "{{" in value else ""


def _settable(value: Any) -> str:
    if isinstance(value, list) and len(value) <= 100:
        return next((trouble for item in value if (trouble := _plain(item))), "")
    return _plain(value)


def _number(value: Any) -> str:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "" if good else "must be a number"


_VALUES = {"set": _settable, "increment": _number, "append": _plain, "remove": _plain}
