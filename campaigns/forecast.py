"""What a campaign will send and cost in the next days, before anybody has come in. Pure.

The formula, so that nobody has to trust it blindly:

    arrivals      = who comes at once + those of the last 30 days × (days ÷ 30)
    each arrival  walks the journey as a person of the sample: rules are asked of that person, a random
                  split deals by its weights, what cannot be known (did they come back?) goes by what
                  visitors of the step did in the last 30 days, else by equal shares
    a send counts = arrivals × (1 − held out) × the share of their arrivals that gets there in time,
                  if the person may be written to on that channel
    cost          = messages × cost of one (an SMS: × its parts)

People who leave early, limits and quiet hours are not taken off: it is rather too much than too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from campaigns.plan import Instruction, Plan
from campaigns.steps.base import rule_id
from campaigns.steps.holdout import Holdout
from campaigns.steps.send import SendStep
from campaigns.steps.split_random import SplitRandom
from campaigns.steps.split_rule import SplitRule
from campaigns.steps.wait_duration import WaitDuration
from campaigns.steps.wait_event import TIMEOUT, WaitEvent
from campaigns.steps.wait_until_time import WaitUntilTime
from campaigns.types import END

DAYS: Final = 7
WINDOW: Final = 30
DAY: Final = 86_400.0
# A wait for a time of day lasts half a day on average.
SOME_HOURS: Final = DAY / 2
SMALLEST: Final = 1e-4
MOST_MOVES: Final = 2_000


@dataclass(frozen=True)
class Arrivals:
    """Who comes in: `at_once` when it is published (or at its moment, `after` seconds from now), and
    `month` in the last 30 days by things that go on happening."""

    at_once: float = 0
    month: float = 0
    after: float = 0


@dataclass(frozen=True)
class Somebody:
    """One of the sample: the answers to the rules of the plan, and the channels they may be written to on."""

    rules: Mapping[str, bool] = field(default_factory=dict)
    reach: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forecast:
    """`messages` by channel and `steps` by step id; `arrivals` are all who come in within the days."""

    days: int
    arrivals: float
    held_out: float
    messages: Mapping[str, float]
    steps: Mapping[str, float]
    cost: float


@dataclass(frozen=True)
class Price:
    """What one message costs; `parts` of each step's text, 1 where it says nothing."""

    per_message: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)


def of(
    plan: Plan,
    arrivals: Arrivals,
    sample: Sequence[Somebody],
    price: Price,
    known: Mapping[str, Mapping[str, int]],
    days: int = DAYS,
) -> Forecast:
    """`known`: step id -> port -> how many left by it in the last 30 days."""
    month = arrivals.month * days / WINDOW
    once = arrivals.at_once if arrivals.after < days * DAY else 0.0
    share_out = min(1.0, max(0.0, plan.terms.holdout_pct / 100))
    steps: dict[str, float] = {}
    for person in sample:
        for step, delay, mass in _walk(plan, person, known):
            in_time = once * _reached(arrivals.after + delay, days) + month * _reached_evenly(delay, days)
            steps[step] = steps.get(step, 0.0) + mass * in_time * (1 - share_out) / len(sample)
    sendings = {sending.step: sending.channel for sending in plan.sendings()}
    messages: dict[str, float] = {}
    cost = 0.0
    steps = {step: number for step, number in steps.items() if number}
    for step, number in steps.items():
        channel = sendings[step]
        messages[channel] = messages.get(channel, 0.0) + number
        cost += number * price.per_message.get(channel, 0.0) * price.parts.get(step, 1)
    total = once + month
    return Forecast(days, total, total * share_out, messages, steps, cost)


def _reached(delay: float, days: int) -> float:
    return 1.0 if delay < days * DAY else 0.0


def _reached_evenly(delay: float, days: int) -> float:
    """Of people who come evenly over the days: the share that is this far on at their end."""
    return max(0.0, 1 - delay / (days * DAY))


def _walk(plan: Plan, person: Somebody, known: Mapping[str, Mapping[str, int]]) -> Sequence[tuple[str, float, float]]:
    """(step, seconds since entry, share) of each message this person is sent."""
    sent: list[tuple[str, float, float]] = []
    todo = [(plan.start, 0.0, 1.0)]
    moves = 0
    while todo and moves < MOST_MOVES:
        moves += 1
        name, delay, mass = todo.pop()
        one = plan.instructions.get(name)
        if name == END or one is None or mass < SMALLEST or delay > WINDOW * DAY:
            continue
        if isinstance(one.step, SendStep):
            may = one.step.channel in person.reach
            if may:
                sent.append((one.id, delay, mass))
            todo.append((one.next["sent" if may else "not_sent"], delay, mass))
            continue
        for port, share in shares(one, person, known.get(one.id, {})).items():
            todo.append((one.next.get(port, END), delay + lasts(one, port), mass * share))
    return sent


def shares(one: Instruction, person: Somebody, known: Mapping[str, int]) -> Mapping[str, float]:
    """Port -> the chance that this person leaves by it."""
    step = one.step
    if isinstance(step, SplitRule):
        ports = [port for port in step.rules() if person.rules.get(rule_id(one.id, port))]
        return {ports[0] if ports else "else": 1.0}
    if isinstance(step, SplitRandom):
        whole = sum(step.weights.values()) or 1
        return {port: weight / whole for port, weight in step.weights.items()}
    if isinstance(step, Holdout):
        return {"held_out": step.pct / 100, "treated": 1 - step.pct / 100}
    if "jump" in one.next:
        return {"jump": 1.0} if "next" not in one.next else {"jump": 0.5, "next": 0.5}
    ports = list(one.next)
    seen = {port: known.get(port, 0) for port in ports}
    whole = sum(seen.values())
    if len(ports) > 1 and whole:
        return {port: number / whole for port, number in seen.items()}
    return {port: 1 / len(ports) for port in ports}


def lasts(one: Instruction, port: str) -> float:
    step = one.step
    if isinstance(step, WaitDuration):
        return float(step.span.seconds)
    if isinstance(step, WaitEvent):
        return float(step.timeout.seconds) if port == TIMEOUT else step.timeout.seconds / 2
    return SOME_HOURS if isinstance(step, WaitUntilTime) else 0.0


def seconds_until(at: datetime, now: datetime) -> float:
    return max(0.0, (at - now) / timedelta(seconds=1))
