"""Keep some people apart from here on, to see what the rest of the journey brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from campaigns import chance
from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, Stop, step
from campaigns.types import Deal

HELD, TREATED = "held_out", "treated"


@step
@dataclass(frozen=True)
class Holdout(Step):
    """`has_lane`: there is a lane for the held out; otherwise the journey ends for them here."""

    pct: float
    has_lane: bool

    kind = "holdout"
    deals = True

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        return cls(config.percent("pct", default=None, high=50), any(lane.label == HELD for lane in lanes))

    def ports(self) -> tuple[str, ...]:
        return (TREATED, HELD) if self.has_lane else (TREATED,)

    def decide(self, look: Look) -> Decision:
        dealt = look.facts.arms.get(look.step)
        if dealt in (HELD, TREATED):
            return self._answer(dealt, ())
        held = chance.held_out(look.salt, look.traveller.draw, self.pct)
        side = HELD if held else TREATED
        return self._answer(side, (Deal(look.step, side),))

    def _answer(self, side: str, effects: tuple[Deal, ...]) -> Decision:
        if side == HELD and not self.has_lane:
            return Stop(HELD, HELD, effects=effects)
        return Go(side, side, effects=effects)
