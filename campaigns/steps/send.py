"""Send a message and rest until its fate is known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from campaigns.reading import Duration, Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Stay, Step
from campaigns.types import InEffect, Send
from channels import gate

# Of the step; all else is the message's words.
OWN: Final = frozenset({"send_expiry", "when_quiet"})


@dataclass(frozen=True)
class SendStep(Step):
    """`content` goes to `channels.content` as it is. `expiry` None: the campaign's. `when_quiet` '': it waits."""

    content: Mapping[str, Any]
    expiry: Duration | None
    when_quiet: str = ""

    channel: ClassVar[str]

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        expiry = config.duration("send_expiry")
        when_quiet = config.choice("when_quiet", gate.WHEN_QUIET, default=gate.WAIT)
        before = len(config.notes.problems)
        cls.read(config)
        content = {key: value for key, value in config.data.items() if key not in OWN}
        if config.notes.content_check and len(config.notes.problems) == before:
            for problem in config.notes.content_check(cls.channel, content, config.pointer):
                config.notes.refuse(problem.pointer, problem.code, f"{config.subject}: {problem.detail}")
        return cls(content, expiry, "" if when_quiet == gate.WAIT else when_quiet)

    @classmethod
    @abstractmethod
    def read(cls, config: Reader) -> None:
        """Check the shape of this channel's content."""

    def ports(self) -> tuple[str, ...]:
        return ("sent", "not_sent")

    def onward(self) -> frozenset[str]:
        return frozenset()

    def body(self) -> tuple[str, Mapping[str, Any]]:
        return self.channel, self.content

    def decide(self, look: Look) -> Decision:
        expiry = self.expiry or look.send_expiry
        send = Send(look.step, look.visit, self.channel, expiry.seconds)
        if look.traveller.held_out:
            return Go("sent", "holdout_campaign", effects=(send,), again=True)
        return Stay(InEffect(look.step), "planned", effects=(send,))

    def left_by(self, port: str) -> str:
        return "settled"
