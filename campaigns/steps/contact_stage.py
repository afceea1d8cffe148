"""Ask for the contact to be moved to a stage of the funnel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, step
from campaigns.types import AskStage


@step
@dataclass(frozen=True)
class ContactStage(Step):
    """Only asks: the funnel folds the request. The page ends here: later rules must see the answer."""

    stage: str
    forward_only: bool

    kind = "contact.stage"

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        return cls(config.text("stage", required=True, longest=64), config.flag("forward_only", default=True))

    def onward(self) -> frozenset[str]:
        return frozenset()

    def decide(self, look: Look) -> Decision:
        if look.traveller.held_out:
            return Go("next", "holdout_campaign", again=True)
        ask = AskStage(look.step, look.visit, self.stage, self.forward_only)
        return Go("next", "stage", {"stage": self.stage}, effects=(ask,), again=True)
