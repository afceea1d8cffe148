"""End the journey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Lane, Look, Step, Stop, step
from campaigns.types import ReachGoal

OUTCOMES = ("completed", "converted", "dropped")


@step
@dataclass(frozen=True)
class Exit(Step):
    outcome: str
    note: str

    kind = "exit"

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        outcome = config.choice("outcome", OUTCOMES, default="completed")
        return cls(outcome, config.text("note", longest=500, one_line=False))

    def ports(self) -> tuple[str, ...]:
        return ()

    def decide(self, look: Look) -> Decision:
        effects = (ReachGoal(look.step, look.visit),) if self.outcome == "converted" else ()
        return Stop(self.outcome, "exit", {"outcome": self.outcome}, effects)
