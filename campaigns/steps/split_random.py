"""Deal people to lanes at random; who was dealt a lane keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from campaigns import chance
from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, step
from campaigns.types import Deal


@step
@dataclass(frozen=True)
class SplitRandom(Step):
    """`weights`: lane id -> weight. The lane dealt is remembered per campaign, step and contact."""

    weights: Mapping[str, int]

    kind = "split.random"
    own_lanes = True
    deals = True

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        weights = {lane.port: lane.settings.integer("weight", default=None, low=0, high=1_000) for lane in lanes}
        if not 2 <= len(lanes) <= 20:
            config.refuse("", "bad_count", f"give 2 to 20 lanes (there are {len(lanes)}).")
        elif not any(weights.values()):
            config.refuse("", "no_weight", "all weights are 0; give at least one lane a weight.")
        return cls(weights)

    def ports(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def decide(self, look: Look) -> Decision:
        dealt = look.facts.arms.get(look.step)
        if dealt is not None and dealt in self.weights:
            return Go(dealt, "random", {"kept": True})
        lanes = list(self.weights)
        lane = lanes[chance.pick(look.salt, look.traveller.draw, list(self.weights.values()))]
        return Go(lane, "random", {"kept": False}, effects=(Deal(look.step, lane),))
