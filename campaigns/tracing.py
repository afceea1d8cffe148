"""What became of one event, decided from facts that others read (`trace_facts`). Pure.

An event starts campaigns by itself, by what was folded from it (a product added tells of the whole
cart), or by a segment that its person came into because of it. For each campaign that looks out for
it there is one verdict; the closed list of reasons is `OWN` and the refusals of `crm.reasons`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from campaigns import matching
from crm.segments import where

# Verdicts that are no refusal; those stand in `campaigns_refusal` with the words of `crm.reasons`.
STARTED: Final = "started"
HELD_OUT: Final = "held_out"
QUIET: Final = "waits_for_quiet"
RESTARTED: Final = "restarted"
EXIT_MET: Final = "exit_met"
NOT_YET: Final = "not_yet"
FAILED: Final = "failed"
NOT_PUBLISHED: Final = "not_published"
OVER: Final = "ended"
HISTORIC: Final = "historic"
FILTER: Final = "filter"
NOT_KEPT: Final = "not_kept"
UNKNOWN: Final = "unknown"
OWN: Final = (STARTED, HELD_OUT, QUIET, RESTARTED, EXIT_MET, NOT_YET, FAILED, NOT_PUBLISHED, OVER, HISTORIC,
              FILTER, NOT_KEPT, UNKNOWN)  # fmt: skip
# Of several ways into one campaign the one that says most; any refusal stands between.
FIRST: Final = (STARTED, HELD_OUT, QUIET, NOT_YET, FAILED)
LAST: Final = (EXIT_MET, RESTARTED, OVER, HISTORIC, FILTER, NOT_PUBLISHED, NOT_KEPT, UNKNOWN)
# How the event stands in the queue of what is to be answered.
PENDING, PARKED, DONE = "pending", "failed", "done"

REFUSALS_KEPT: Final = timedelta(days=90)
# So long after a segment took somebody in they may be let in by it.
MOMENT: Final = timedelta(minutes=1)
# So long after an event a change of a segment that names it is taken to be its work.
REACTION: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Told:
    """An event: the one that is traced, one folded from it, or a later one of the same person."""

    id: int
    name: str
    properties: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    historic: bool = False


@dataclass(frozen=True, slots=True)
class Entrance:
    """One way into a campaign, in the version that held when the event was recorded."""

    campaign_id: int
    published: bool
    over: bool = False
    event: str = ""
    where: Sequence[Mapping[str, Any]] = ()
    key_path: str = ""
    debounced: bool = False
    segment: int = 0
    exits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Run:
    id: int
    campaign_id: int
    version_id: int
    event: int | None
    state: str
    outcome: str
    step: str
    port: str
    held_out: bool
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    campaign_id: int
    event: int | None
    reason: str
    at: datetime
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    campaign_id: int
    event: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    run_id: int
    step: str
    port: str
    reason: str
    at: datetime
    event: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came into a segment or left it; `why` as `crm.segments.upkeep` wrote it."""

    segment: int
    joined: bool
    at: datetime
    why: str


@dataclass
class Facts:
    """All that is known. `group`: the event first, then what was folded from it. `ears`: the event a
    waiting step leaves by a port for, by (version, step, port). `goals`: runs that reached theirs by it."""

    group: list[Told]
    standing: str = DONE
    created: bool = False
    later: list[Told] = field(default_factory=list)
    entrances: list[Entrance] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    goals: set[int] = field(default_factory=set)
    joined: list[Joined] = field(default_factory=list)
    ears: Mapping[tuple[int, str, str], str] = field(default_factory=dict)

    @property
    def ids(self) -> set[int]:
        return {told.id for told in self.group}

    @property
    def names(self) -> set[str]:
        return {told.name for told in self.group}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one campaign made of it. `by`: the event that decided (a later one, where it was put off)."""

    campaign_id: int
    reason: str
    run_id: int | None = None
    until: datetime | None = None
    by: int | None = None
    detail: Mapping[str, Any] | None = None
    segment: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What it did to a run that was under way: `what` is ended, goal or woken."""

    run_id: int
    campaign_id: int
    what: str
    step: str = ""
    outcome: str = ""


def changes(facts: Facts) -> list[Joined]:
    """The segments somebody came into or left because of it; and those that ask about these."""
    began = facts.group[0].recorded_at
    names = {f"event:{name}" for name in facts.names}
    found: list[Joined] = []
    moved: set[str] = set()
    for change in sorted(facts.joined, key=lambda each: each.at):
        if not began <= change.at <= began + REACTION:
            continue
        if change.why in names or change.why in moved or facts.created:
            found.append(change)
            moved.add(f"segment:{change.segment}")
    return found


def verdicts(facts: Facts, now: datetime) -> list[Verdict]:
    """One for each campaign that looks out for it, or for a segment it led into; those it started first."""
    best: dict[int, Verdict] = {}
    for verdict in (*_by_event(facts, now), *_by_segment(facts)):
        known = best.get(verdict.campaign_id)
        if known is None or _rank(verdict) < _rank(known):
            best[verdict.campaign_id] = verdict
    return sorted(best.values(), key=lambda each: (_rank(each), each.campaign_id))


def moves(facts: Facts) -> list[Move]:
    """Runs that were under way and that it ended, woke, or brought to their goal."""
    found: list[Move] = []
    for run in facts.runs:
        mine = [visit for visit in facts.visits if visit.run_id == run.id]
        end = next((each for each in mine if each.reason == "exit_rule" and each.event in facts.ids), None)
        if end:
            found.append(Move(run.id, run.campaign_id, "ended", end.step, run.outcome))
        elif run.id in facts.goals:
            found.append(Move(run.id, run.campaign_id, "goal", run.step))
        woken = _woken(facts, run, mine)
        if woken:
            found.append(Move(run.id, run.campaign_id, "woken", woken))
    return found


def concerned(facts: Facts, decided: Sequence[Verdict], moved: Sequence[Move]) -> list[int]:
    """The runs whose messages follow from it."""
    return sorted({each.run_id for each in decided if each.run_id} | {each.run_id for each in moved})


# --- by the event itself -------------------------------------------------------------------------


def _by_event(facts: Facts, now: datetime) -> Iterator[Verdict]:
    for told in facts.group:
        for entrance in facts.entrances:
            if entrance.event == told.name:
                yield _happened(facts, entrance, told) or _nothing(facts, entrance, told, now)


def _happened(facts: Facts, entrance: Entrance, told: Told) -> Verdict | None:
    """What was written down of it."""
    here = entrance.campaign_id
    for run in facts.runs:
        if run.campaign_id == here and run.event == told.id:
            return Verdict(here, HELD_OUT if run.held_out else STARTED, run.id)
    for waiting in facts.waiting:
        if waiting.campaign_id == here and waiting.event == told.id:
            return Verdict(here, QUIET, until=waiting.until)
    for refused in facts.refusals:
        if refused.campaign_id == here and refused.event == told.id:
            return Verdict(here, refused.reason, detail=refused.detail)
    return None


def _nothing(facts: Facts, entrance: Entrance, told: Told, now: datetime) -> Verdict:
    """Nothing was written down: it was not asked for, it was put off, or it is too long ago."""
    here = entrance.campaign_id
    reason = _not_asked(facts, entrance, told)
    if reason:
        return Verdict(here, reason)
    if entrance.debounced:
        off = _put_off(facts, entrance, told)
        if off:
            return off
    return Verdict(here, NOT_KEPT if now - told.recorded_at > REFUSALS_KEPT else UNKNOWN)


def _not_asked(facts: Facts, entrance: Entrance, told: Told) -> str:
    if not entrance.published:
        return NOT_PUBLISHED
    if entrance.over:
        return OVER
    if told.historic:
        return HISTORIC
    if not where.matches(entrance.where, told.properties):
        return FILTER
    return {PENDING: NOT_YET, PARKED: FAILED}.get(facts.standing, "")


def _put_off(facts: Facts, entrance: Entrance, told: Told) -> Verdict | None:
    """It waited for quiet: what came later began the waiting anew, or ended it."""
    key = _key(entrance, told)
    for each in facts.later:
        if each.id in facts.ids or each.occurred_at < told.occurred_at:
            continue
        if each.name == entrance.event and _key(entrance, each) == key:
            return Verdict(entrance.campaign_id, RESTARTED, by=each.id)
        if each.name in entrance.exits:
            return Verdict(entrance.campaign_id, EXIT_MET, by=each.id)
    return None


def _key(entrance: Entrance, told: Told) -> str | None:
    return matching.value_at(told.properties, entrance.key_path) if entrance.key_path else None


# --- by a segment ----------------------------------------------------------------------------------


def _by_segment(facts: Facts) -> Iterator[Verdict]:
    for change in changes(facts):
        for entrance in facts.entrances if change.joined else ():
            if entrance.segment != change.segment:
                continue
            found = _let_in(facts, entrance, change)
            if found:
                yield found


def _let_in(facts: Facts, entrance: Entrance, change: Joined) -> Verdict | None:
    here = entrance.campaign_id
    for run in facts.runs:
        if run.campaign_id == here and run.event is None and _soon(change.at, run.entered_at):
            return Verdict(here, HELD_OUT if run.held_out else STARTED, run.id, segment=change.segment)
    for refused in facts.refusals:
        if refused.campaign_id == here and refused.event is None and _soon(change.at, refused.at):
            return Verdict(here, refused.reason, detail=refused.detail, segment=change.segment)
    if not entrance.published or entrance.over:
        return Verdict(here, OVER if entrance.over else NOT_PUBLISHED, segment=change.segment)
    return Verdict(here, UNKNOWN, segment=change.segment)


def _soon(before: datetime, after: datetime) -> bool:
    return before <= after <= before + MOMENT


# --- runs under way ----------------------------------------------------------------------------------


def _woken(facts: Facts, run: Run, mine: Sequence[Visit]) -> str:
    """The step where it waited for such an event, and went on by it; '' if it did not."""
    if run.event in facts.ids:
        return ""
    if run.state == "due" and facts.ears.get((run.version_id, run.step, run.port)) in facts.names:
        return run.step
    for visit in mine:
        if visit.reason != "branch" or facts.ears.get((run.version_id, visit.step, visit.port)) not in facts.names:
            continue
        if visit.event in facts.ids or (visit.event is None and not _another(facts, visit)):
            return visit.step
    return ""


def _another(facts: Facts, visit: Visit) -> bool:
    """Whether a later event of the same name may have been the one."""
    return any(each.name in facts.names and each.recorded_at <= visit.at and each.id not in facts.ids
               for each in facts.later)  # fmt: skip


def _rank(verdict: Verdict) -> int:
    if verdict.reason in FIRST:
        return FIRST.index(verdict.reason)
    return len(FIRST) + (1 + LAST.index(verdict.reason) if verdict.reason in LAST else 0)
