"""Go by the first rule that holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Step, rule_id, step

ELSE = "else"
MOST_LANES = 20


@step
@dataclass(frozen=True)
class SplitRule(Step):
    """`when`: port -> rule, in order. Who meets none goes by `else`."""

    when: Mapping[str, Any]

    kind = "split.rule"
    own_lanes = True
    reserved = frozenset({ELSE})

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        when = {}
        for lane in lanes:
            rule = lane.settings.rule("when")
            if lane.label == ELSE:
                if rule is not None:
                    lane.settings.refuse(
                        "when", "reserved_label", "the lane else takes whom no rule took: remove when, or rename it."
                    )
                continue
            if rule is None:
                lane.settings.refuse("when", "required", f"lane {lane.label} has no rule; give when, or label it else.")
            when[lane.port] = rule
        if not 1 <= len(when) <= MOST_LANES:
            config.refuse("", "bad_count", f"give 1 to {MOST_LANES} lanes with a rule (there are {len(when)}).")
        return cls(when)

    def ports(self) -> tuple[str, ...]:
        return (*self.when, ELSE)

    def rules(self) -> Mapping[str, Any]:
        return self.when

    def decide(self, look: Look) -> Decision:
        failed: list[str] = []
        for branch, port in enumerate(self.when):
            if look.holds(port):
                return Go(port, "branch", {"branch": branch, "failed": failed})
            failed.append(rule_id(look.step, port))
        return Go(ELSE, "else", {"failed": failed})
