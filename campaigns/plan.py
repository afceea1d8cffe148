"""A checked journey, ready to travel: a flat table of instructions. Pure.

Position is a step id, never an index: it stays true when a version is edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.steps.base import Step, rule_id
from campaigns.terms import Entry, ExitRule, Goal, Terms
from campaigns.types import END


@dataclass(frozen=True)
class Instruction:
    """One step and where its ports lead (`END`: the journey is completed).

    `config` is the JSON as it was written, `step` the same parsed, `counted` whether it lies in a
    `goto` cycle (its visits are then counted in `Enrolment.loops`), `pointer` its place in the document.
    """

    id: str
    kind: str
    config: Mapping[str, Any]
    next: Mapping[str, str]
    step: Step
    counted: bool = False
    pointer: str = ""


@dataclass(frozen=True)
class Sending:
    """What a send step says: `body` is for `channels.content`, `pointer` where it stands."""

    step: str
    channel: str
    body: Mapping[str, Any]
    pointer: str


@dataclass(frozen=True)
class Plan:
    """`rules`: rule id -> its JSON ("eligibility", or "<step>:<port>"). `salt` seeds random splits."""

    start: str
    instructions: Mapping[str, Instruction]
    rules: Mapping[str, Any]
    terms: Terms
    salt: str = ""
    _pages: dict[tuple[str, str | None], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.terms.entries

    @property
    def exits(self) -> tuple[ExitRule, ...]:
        return self.terms.exits

    @property
    def goal(self) -> Goal | None:
        return self.terms.goal

    @property
    def key_path(self) -> str:
        return self.terms.key_path

    def sendings(self) -> Iterator[Sending]:
        """All messages of the journey, in its order."""
        for one in self.instructions.values():
            body = one.step.body()
            if body:
                yield Sending(one.id, *body, pointer=one.pointer + "/config")

    def page_rules(self, step: str, port: str | None = None) -> frozenset[str]:
        """Ids of the rules somebody may ask before the next rest: from arriving at `step` (port ''),
        from leaving it by `port`, or (port None) either. `step` '' with no port is the start."""
        page = self._page(step, port)
        return frozenset(rule_id(one.id, asked) for one in page for asked in one.step.rules())

    def page_events(self, step: str, port: str | None = None) -> frozenset[str]:
        """Names of the events a wait may look back for before the next rest; ports as in `page_rules`."""
        return frozenset(name for one in self._page(step, port) for name in one.step.hears())

    def page_arms(self, step: str, port: str | None = None) -> frozenset[str]:
        """Ids of the steps that deal arms before the next rest; ports as in `page_rules`."""
        return frozenset(one.id for one in self._page(step, port) if one.step.deals)

    def _page(self, step: str, port: str | None) -> Iterable[Instruction]:
        known = self._pages.get((step, port))
        if known is None:
            known = self._pages[step, port] = tuple(self._reach(self._firsts(step, port)))
        return [self.instructions[name] for name in known]

    def _firsts(self, step: str, port: str | None) -> list[str]:
        if step == "":
            return [self.start]
        onward = self.instructions[step].next
        if port:
            return [onward[port]]
        return [step] if port == "" else [step, *onward.values()]

    def _reach(self, todo: list[str]) -> list[str]:
        seen: dict[str, None] = {}
        while todo:
            name = todo.pop()
            if name == END or name in seen:
                continue
            seen[name] = None
            one = self.instructions[name]
            todo.extend(one.next[port] for port in one.step.onward() if port in one.next)
        return list(seen)
