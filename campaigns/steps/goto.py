"""Jump to another step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, step


@step
@dataclass(frozen=True)
class Goto(Step):
    """`jump` until the target has been visited `max_visits` times, then `next`. Visits are counted
    in cycles only: a jump that closes none always jumps."""

    target: str
    max_visits: int

    kind = "goto"

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        target = config.text("step", required=True, longest=64)
        return cls(target, config.integer("max_visits", default=3, low=1, high=100))

    def ports(self) -> tuple[str, ...]:
        return ("jump", "next")

    def jumps(self) -> Mapping[str, str]:
        return {"jump": self.target}

    def decide(self, look: Look) -> Decision:
        visits = look.loops.get(self.target, 0)
        if visits < self.max_visits:
            return Go("jump", "jump", {"visits": visits})
        return Go("next", "max_visits", {"visits": visits})
