"""Mark the run as converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, Stop, step
from campaigns.types import ReachGoal


@step
@dataclass(frozen=True)
class Goal(Step):
    ends: bool

    kind = "goal"

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        return cls(config.flag("exit", default=False))

    def ports(self) -> tuple[str, ...]:
        return () if self.ends else ("next",)

    def decide(self, look: Look) -> Decision:
        effects = (ReachGoal(look.step, look.visit),)
        if self.ends:
            return Stop("converted", "goal", effects=effects)
        return Go("next", "goal", effects=effects)
