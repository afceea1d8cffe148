"""One page of a journey: from where a run stands to where it next rests. Pure.

A page visits each step at most once, because every cycle of a checked plan holds a wait
that takes time; the bound below only turns a mistake of ours into an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.plan import Instruction, Plan
from campaigns.steps.base import Decision, Go, Look, Stay, Stop
from campaigns.types import END, Advance, Again, Done, Effect, Facts, Rest, Trace, Traveller

MOMENT = timedelta(microseconds=1)


@dataclass
class _Page:
    """What gathers while a page is read."""

    plan: Plan
    traveller: Traveller
    facts: Facts
    now: datetime
    since: datetime
    loops: dict[str, int]
    effects: list[Effect] = field(default_factory=list)
    trace: list[Trace] = field(default_factory=list)


def advance(plan: Plan, traveller: Traveller, facts: Facts, now: datetime) -> Advance:
    """Bring `traveller` to its next rest. `facts` must answer the rules of the page: not knowing one
    is a KeyError, never a silent no."""
    page = _Page(plan, traveller, facts, now, since_of(plan, traveller, now), dict(traveller.loops))
    step = _leave(page) if traveller.port else traveller.step or plan.start
    for _ in range(len(plan.instructions) + 1):
        if step == END:
            return _close(page, Done("completed"))
        instruction = plan.instructions[step]
        decision = _arrive(page, instruction)
        rest = _rest(instruction, decision)
        if rest is not None:
            return _close(page, rest)
        step = instruction.next[decision.port] if isinstance(decision, Go) else END
    raise RuntimeError(f"the journey goes round without a rest at step {step!r}")


def since_of(plan: Plan, traveller: Traveller, now: datetime) -> datetime:
    """From when on a fact may satisfy the next wait: since it left its last wait, or its entry."""
    since = traveller.rested_at or traveller.entry_occurred_at
    if traveller.port and plan.instructions[traveller.step].step.is_wait:
        return max(since, (traveller.left_at or now) + MOMENT)
    return since


def count_visit(loops: dict[str, int], instruction: Instruction) -> int:
    """The number of this visit: 1 outside of cycles, counted inside (decision B8)."""
    if not instruction.counted:
        return 1
    loops[instruction.id] = loops.get(instruction.id, 0) + 1
    return loops[instruction.id]


def visit_of(loops: Mapping[str, int], instruction: Instruction) -> int:
    return loops.get(instruction.id, 1) if instruction.counted else 1


def _leave(page: _Page) -> str:
    instruction = page.plan.instructions[page.traveller.step]
    port = page.traveller.port
    visit = visit_of(page.loops, instruction)
    page.trace.append(Trace(instruction.id, visit, port, instruction.step.left_by(port)))
    return instruction.next[port]


def _arrive(page: _Page, instruction: Instruction) -> Decision:
    visit = count_visit(page.loops, instruction)
    decision = instruction.step.decide(
        Look(
            step=instruction.id,
            visit=visit,
            traveller=page.traveller,
            facts=page.facts,
            now=page.now,
            since=page.since,
            salt=f"{page.plan.salt}/{instruction.id}",
            loops=page.loops,
            send_expiry=page.plan.terms.send_expiry,
        )
    )
    port = decision.port if isinstance(decision, Go) else ""
    page.effects.extend(decision.effects)
    page.trace.append(Trace(instruction.id, visit, port, decision.reason, decision.detail))
    if isinstance(decision, Go) and decision.since:
        page.since = max(page.since, decision.since)
    return decision


def _rest(instruction: Instruction, decision: Decision) -> Rest | None:
    if isinstance(decision, Stay):
        return decision.rest
    if isinstance(decision, Stop):
        return Done(decision.outcome)
    onward = instruction.next[decision.port]
    return Again(onward) if decision.again and onward != END else None


def _close(page: _Page, rest: Rest) -> Advance:
    return Advance(rest, tuple(page.effects), tuple(page.trace), page.loops, page.since)
