"""The messages of a draft: where they stand, and what in their words may have no value for somebody. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any, Final

from campaigns import commands
from campaigns.reading import PREFIX, below
from campaigns.steps import kinds
from campaigns.steps.send import OWN, SendStep
from channels import lint
from crm.errors import Problem

# From this much equal text on, two channels say the same.
ALIKE: Final = 0.8
_LONGEST_COMPARED: Final = 2_000
# Filters that only an event with a value passes.
_ASKS: Final = frozenset({"is", "in", "contains", "exists", "gt", "gte"})


@dataclass(frozen=True)
class Sending:
    """A step that sends: `config` is its whole config, `body` the part that is the message."""

    step: str
    channel: str
    label: str
    config: Mapping[str, Any]
    pointer: str

    @property
    def body(self) -> dict[str, Any]:
        return {name: value for name, value in self.config.items() if name not in OWN}


def sendings(document: Mapping[str, Any]) -> list[Sending]:
    """The messages of a journey, from top to bottom; the document may be incomplete."""
    return list(_sendings(document))


def find(document: Mapping[str, Any], step: str) -> Sending | None:
    return next((each for each in _sendings(document) if each.step == step), None)


def inspect(document: Mapping[str, Any]) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings): names without a value and a fallback, each at its field."""
    known = sure(document)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for each in _sendings(document):
        pointer = f"{each.pointer}/config"
        problems += [problem.under(pointer) for problem in lint.problems(each.channel, each.body, known)]
        warnings += [problem.under(pointer) for problem in lint.warnings(each.channel, each.body)]
    return problems, warnings


def sure(document: Mapping[str, Any]) -> frozenset[str]:
    """What the event that begins the journey always carries: its key, and what its filters ask for."""
    entries = document.get("entry")
    events = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    carried = [_carried(each) for each in events]
    common = frozenset.intersection(*carried) if carried else frozenset()
    return frozenset(f"{root}.{name}" for name in common for root in ("entry", "event"))


def alike(texts: Mapping[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of steps on different channels whose texts are more than 80 % equal. `texts`: step → (channel, text)."""
    found = []
    for one, other in combinations(texts, 2):
        (channel, text), (other_channel, other_text) = texts[one], texts[other]
        if channel != other_channel and text.strip() and _equal(text, other_text) > ALIKE:
            found.append((one, other))
    return found


def _equal(one: str, other: str) -> float:
    first, second = (" ".join(text.split())[:_LONGEST_COMPARED] for text in (one, other))
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() > ALIKE else 0.0


def _carried(entry: Mapping[str, Any]) -> frozenset[str]:
    if entry.get("type") not in ("event", "manual"):
        return frozenset()
    where = entry.get("where")
    conditions = [each for each in where if isinstance(each, dict)] if isinstance(where, list) else []
    asked = [each.get("f") for each in conditions if each.get("op") in _ASKS]
    paths = [entry.get("key"), *asked]
    return frozenset(path.removeprefix(PREFIX) for path in paths if isinstance(path, str) and path.startswith(PREFIX))


def _sendings(document: Mapping[str, Any]) -> Iterator[Sending]:
    for path, step in commands.walk(document):
        kind = kinds.get(str(step.get("type")))
        if kind is not None and issubclass(kind, SendStep):
            config = step.get("config")
            pointer = ""
            for key in path:
                pointer = below(pointer, key)
            yield Sending(
                str(step.get("id", "")), kind.channel, str(step.get("label") or ""),
                config if isinstance(config, dict) else {}, pointer,
            )  # fmt: skip
