"""What every kind of step is: settings, ports, and a decision. Pure.

A kind is one file beside this one with one class, registered by `@step`; the words people see
are in `campaigns/palette/`. How to add one: `docs/how-to/add-a-step.md`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from campaigns.reading import Duration, Reader
from campaigns.types import Effect, Facts, InEffect, Traveller, Wait


@dataclass(frozen=True)
class Lane:
    """A lane as a step reads it: `settings` reads what this kind allows beside label and steps.

    `port` is the lane's id, or its label where it has none yet.
    """

    label: str
    port: str
    settings: Reader


@dataclass(frozen=True)
class Look:
    """What a step sees when somebody arrives at it."""

    step: str
    visit: int
    traveller: Traveller
    facts: Facts
    now: datetime
    since: datetime
    salt: str
    loops: Mapping[str, int]
    send_expiry: Duration

    def holds(self, port: str) -> bool:
        """Whether the rule of a lane holds now. Not knowing is a mistake of the caller, not a no."""
        return self.facts.rules[rule_id(self.step, port)]

    def zone(self, which: str) -> str:
        return self.traveller.zone if which == "contact" else self.facts.workspace_zone


@dataclass(frozen=True)
class Go:
    """On by `port`. `again`: what was read before no longer holds, so the page ends here.
    `since`: facts before this instant have been used up by this step."""

    port: str
    reason: str
    detail: Mapping[str, Any] | None = None
    effects: tuple[Effect, ...] = ()
    again: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Stay:
    """Rest here."""

    rest: Wait | InEffect
    reason: str
    detail: Mapping[str, Any] | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Stop:
    """The journey ends here."""

    outcome: str
    reason: str
    detail: Mapping[str, Any] | None = None
    effects: tuple[Effect, ...] = ()


Decision = Go | Stay | Stop


@dataclass(frozen=True)
class Step(ABC):
    """One configured step. The defaults suit a step that goes straight on.

    `own_lanes`: its ports are its lanes, by id (elsewhere a lane is found by its label).
    `reserved`: reserved labels that mean something here. `is_wait`: leaving it begins a new
    stretch of time to look back into. `deals`: it remembers an arm per contact.
    """

    kind: ClassVar[str]
    own_lanes: ClassVar[bool] = False
    reserved: ClassVar[frozenset[str]] = frozenset()
    is_wait: ClassVar[bool] = False
    deals: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self: ...

    def ports(self) -> tuple[str, ...]:
        return ("next",)

    def timed(self) -> frozenset[str]:
        """Ports that are only ever left a positive time after arrival: a cycle needs one."""
        return frozenset()

    def onward(self) -> frozenset[str]:
        """Ports that may be left in the page of arrival: rules behind them must be known then."""
        return frozenset(self.ports())

    def rules(self) -> Mapping[str, Any]:
        """Port -> rule that decides on it."""
        return {}

    def hears(self) -> frozenset[str]:
        """Names of events it looks back for."""
        return frozenset()

    def body(self) -> tuple[str, Mapping[str, Any]] | None:
        """(channel, content) of a step that sends."""
        return None

    def jumps(self) -> Mapping[str, str]:
        """Port -> step id, for ports that do not lead below."""
        return {}

    @abstractmethod
    def decide(self, look: Look) -> Decision: ...

    def left_by(self, port: str) -> str:
        """The reason to write when somebody who rested here goes on by `port`."""
        return port


kinds: dict[str, type[Step]] = {}


def step(kind: type[Step]) -> type[Step]:
    """Register a kind of step under its name."""
    if kinds.setdefault(kind.kind, kind) is not kind:
        raise ValueError(f"two steps are called {kind.kind!r}")
    return kind


def rule_id(step_id: str, port: str) -> str:
    """The id under which a plan keeps the rule of a lane."""
    return f"{step_id}:{port}"
