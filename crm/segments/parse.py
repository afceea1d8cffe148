"""JSON to a rule, or all mistakes at once, each with its place and its remedy.

`docs/rules.md` is the grammar. Nothing here asks the database: whether a segment or
campaign that a rule names exists is `edit`'s question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crm import registry
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import GROUPS, MAX_DEPTH, MAX_NODES, Group, Leaf, Placed, Rule


def parse(data: Any, path: str = "/rule") -> Rule:
    """The rule written in `data`; raises `errors.Problems`."""
    reader = _Reader(path)
    root = reader.node(data, path, 1)
    if reader.problems or root is None:
        raise Problems(reader.problems)
    return Rule(root, data)


def problems(data: Any, path: str = "/rule") -> list[Problem]:
    """All that is wrong with a rule; empty if nothing is."""
    try:
        parse(data, path)
    except Problems as found:
        return found.problems
    return []


def from_text(text: str) -> Any:
    """JSON as it stands in the database, without rounding its numbers."""
    return json.loads(text, parse_float=Decimal)


class _Reader:
    """Walks the tree once and gathers what is wrong."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.nodes = 0
        self.problems: list[Problem] = []

    def wrong(self, path: str, code: str, detail: str) -> None:
        self.problems.append(Problem(path, code, detail))

    def node(self, data: Any, path: str, depth: int) -> Group | Placed | None:
        self.nodes += 1
        if self.nodes == MAX_NODES + 1:
            self.wrong(
                self.path,
                "too_large",
                f"A rule holds at most {MAX_NODES} conditions and groups; make a segment of a part of it.",
            )
        if self.nodes > MAX_NODES:
            return None
        if not isinstance(data, Mapping) or not data:
            self.wrong(path, "wrong_type", 'A rule is an object: a group {"all": […]} or a condition {"f": …}.')
            return None
        words = [word for word in GROUPS if word in data]
        return self.group(data, words, path, depth) if words else self.leaf(data, path, depth)

    def group(self, data: Mapping[str, Any], words: list[str], path: str, depth: int) -> Group | None:
        word = words[0]
        if len(data) > 1:
            others = ", ".join(repr(key) for key in data if key != word)
            self.wrong(path, "unknown_key", f"A group has one key; put {others} into a group of its own.")
            return None
        if depth >= MAX_DEPTH:
            self.wrong(
                path, "too_deep", f"A rule is at most {MAX_DEPTH} levels deep; make a segment of the inner part."
            )
            return None
        parts = data[word]
        if not isinstance(parts, list):
            self.wrong(f"{path}/{word}", "wrong_type", f'"{word}" is a list of conditions and groups.')
            return None
        if not parts and word != "all":
            self.wrong(f"{path}/{word}", "empty", f'"{word}" needs a condition; everybody is {{"all": []}}.')
            return None
        found = [self.node(part, f"{path}/{word}/{place}", depth + 1) for place, part in enumerate(parts)]
        return Group(word, tuple(part for part in found if part is not None))

    def leaf(self, data: Mapping[str, Any], path: str, depth: int) -> Placed | None:
        if depth > MAX_DEPTH:
            self.wrong(
                path, "too_deep", f"A rule is at most {MAX_DEPTH} levels deep; make a segment of the inner part."
            )
            return None
        kind = self.kind(data, path)
        if kind is None:
            return None
        try:
            return Placed(path, kind.parse(data, path))
        except Problems as found:
            self.problems.extend(found.problems)
        except Problem as found:
            self.problems.append(found)
        except conditions.Mistake as found:
            self.problems.append(found.problem.under(path))
        return None

    def kind(self, data: Mapping[str, Any], path: str) -> type[Leaf] | None:
        """Which leaf it is: by its key, and for a field by the first word of its name."""
        if "f" in data:
            name = data["f"]
            found = registry.leaves.get(f"f.{name.split('.')[0]}") if isinstance(name, str) else None
            if found is None:
                known = ", ".join(
                    f"{each.removeprefix('f.')}.…" for each in registry.leaves.names() if each[:2] == "f."
                )
                self.wrong(f"{path}/f", "unknown_field", f"There is no field {name!r:.80}; fields begin with {known}.")
            return found
        keys = [each for each in registry.leaves.names() if not each.startswith("f.")]
        marks = [key for key in keys if key in data]
        if marks:
            return registry.leaves.get(marks[0])
        known = ", ".join(["f", *keys, *GROUPS])
        self.wrong(
            path, "unknown_condition", f"This is no condition or group; one of these keys says which it is: {known}."
        )
        return None
