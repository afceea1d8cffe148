"""Wait for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from campaigns.reading import Duration, Reader
from campaigns.steps.base import Decision, Lane, Look, Stay, Step, step
from campaigns.types import Wait
from crm import moments


@step
@dataclass(frozen=True)
class WaitDuration(Step):
    """Counted from arrival; days and weeks keep the wall time of the contact's zone."""

    span: Duration

    kind = "wait.duration"
    is_wait = True

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        return cls(config.span() or Duration(1, "minutes"))

    def timed(self) -> frozenset[str]:
        return frozenset({"next"})

    def onward(self) -> frozenset[str]:
        return frozenset()

    def decide(self, look: Look) -> Decision:
        until = moments.add(look.now, self.span.value, self.span.unit, look.traveller.zone)
        return Stay(Wait(look.step, until, "next"), "until", {"until": until.isoformat()})

    def left_by(self, port: str) -> str:
        return "elapsed"
