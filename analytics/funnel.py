"""The funnel: which stage a history comes to. Pure; `docs/stages.md` says it in words.

A ladder is a list of stages. A fact moves a contact up to the highest stage it leads
to, never down; a stage with `quiet` is come to by silence, and left by the fact that
breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from crm.errors import Problem, Problems

REQUESTED: Final = "Stage Requested"
CHANGED: Final = "Stage Changed"

DEFAULT: Final[list[dict[str, Any]]] = [
    {"stage": "visitor"},
    {"stage": "lead", "identified": True, "on": [{"event": "Form Submitted"}, {"event": "Card Linked"}]},
    {
        "stage": "engaged",
        "on": [
            {"event": "Message Clicked"},
            {"event": "Message Replied"},
            {"event": "Link Clicked"},
            {"event": "Placement Scanned"},
            {"event": "Store Visited"},
            {"event": "Card Scanned"},
            {"event": "Product Viewed", "count": 3},
        ],
    },
    {
        "stage": "considering",
        "on": [
            {"event": "Product Added"},
            {"event": "Cart Updated"},
            {"event": "Checkout Started"},
        ],
    },
    {"stage": "first_purchase", "on": [{"event": "Order Completed"}]},
    {"stage": "repeat", "on": [{"event": "Order Completed", "count": 2}]},
    {"stage": "loyal", "on": [{"event": "Order Completed", "count": 4}]},
    {
        "stage": "lapsed",
        "quiet": {"event": "Order Completed", "days": 180, "from": ["first_purchase", "repeat", "loyal"]},
    },
]
MAX_STAGES: Final = 20
MAX_NAME: Final = 24
MAX_COUNT: Final = 10_000
MAX_DAYS: Final = 3_650


@dataclass(frozen=True)
class Quiet:
    """Silence: no such event for that long, in one of these stages."""

    event: str
    span: timedelta
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    name: str
    identified: bool = False
    # event -> how many of them lead here
    on: Mapping[str, int] = field(default_factory=dict, hash=False)
    quiet: Quiet | None = None


@dataclass(frozen=True)
class Ladder:
    stages: tuple[Stage, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)

    @property
    def start(self) -> str:
        return self.stages[0].name

    @property
    def known(self) -> str:
        """The stage of somebody of whom an address or a card is known, and nothing else."""
        return next((stage.name for stage in self.stages if stage.identified), self.start)

    @property
    def events(self) -> frozenset[str]:
        """The facts the ladder speaks of."""
        counted = {event for stage in self.stages for event in stage.on}
        return frozenset(counted | {quiet.event for quiet in self.quiets.values()} | {REQUESTED})

    @property
    def quiets(self) -> dict[str, Quiet]:
        return {stage.name: stage.quiet for stage in self.stages if stage.quiet}

    def rank(self, name: str) -> int:
        """How far up; a stage that is not on the ladder any more is below all."""
        return self.names.index(name) if name in self.names else -1


@dataclass(frozen=True)
class Happened:
    """A fact, as the fold needs it."""

    id: int
    name: str
    properties: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Standing:
    """Where a contact stands. `stage` '': nothing has been folded yet."""

    stage: str = ""
    since: datetime | None = None
    tally: Mapping[str, int] = field(default_factory=dict)
    quiet_at: datetime | None = None


@dataclass(frozen=True)
class Change:
    before: str
    after: str
    at: datetime
    cause: str
    event: int | None


def fold(
    ladder: Ladder, standing: Standing, facts: Iterable[Happened], *, identified: bool
) -> tuple[Standing, list[Change]]:
    """Where these facts, in order, lead from there; the changes on the way."""
    changes: list[Change] = []
    for fact in facts:
        counted = _count(ladder, standing, fact)
        after = _next(ladder, counted, fact, identified=identified)
        if after != counted.stage:
            # A fact that is told late does not rewrite what is known already.
            at = max(fact.at, counted.since) if counted.since else fact.at
            changes.append(Change(counted.stage, after, at, fact.name, fact.id))
            counted = replace(counted, stage=after, since=at)
        standing = counted
    return standing, changes


def silent(ladder: Ladder, standing: Standing, now: datetime) -> Change | None:
    """The change that silence alone has brought by `now`."""
    for name, quiet in ladder.quiets.items():
        if standing.stage in quiet.stages and standing.quiet_at and standing.quiet_at + quiet.span <= now:
            return Change(standing.stage, name, standing.quiet_at + quiet.span, "time", None)
    return None


def join(ladder: Ladder, one: Standing, other: Standing) -> Standing:
    """Two histories that turn out to be one person's."""
    higher, lower = (one, other) if ladder.rank(one.stage) >= ladder.rank(other.stage) else (other, one)
    if higher.stage in ladder.quiets and lower.stage and lower.stage not in ladder.quiets:
        quiet = ladder.quiets[higher.stage]
        if (lower.quiet_at or _LONG_AGO) > (higher.quiet_at or _LONG_AGO) and lower.stage in quiet.stages:
            higher = lower  # the silence was the other's
    tally = {name: one.tally.get(name, 0) + other.tally.get(name, 0) for name in {*one.tally, *other.tally}}
    newest = max((each.quiet_at for each in (one, other) if each.quiet_at), default=None)
    return Standing(higher.stage, higher.since, tally, newest)


def _count(ladder: Ladder, standing: Standing, fact: Happened) -> Standing:
    if fact.name not in ladder.events or fact.name == REQUESTED:
        return standing
    tally = {**standing.tally, fact.name: standing.tally.get(fact.name, 0) + 1}
    quiet_at = standing.quiet_at
    if any(quiet.event == fact.name for quiet in ladder.quiets.values()):
        quiet_at = max(fact.at, quiet_at) if quiet_at else fact.at
    return replace(standing, tally=tally, quiet_at=quiet_at)


def _next(ladder: Ladder, standing: Standing, fact: Happened, *, identified: bool) -> str:
    here = standing.stage
    least = ladder.known if identified else ladder.start
    if fact.name == REQUESTED:
        return _requested(ladder, here or least, fact.properties)
    reached = [
        stage.name
        for stage in ladder.stages
        if fact.name in stage.on and standing.tally.get(fact.name, 0) >= stage.on[fact.name]
    ]
    best = max(reached, key=ladder.rank, default=least)
    quiet = ladder.quiets.get(here)
    if quiet:
        return best if fact.name == quiet.event and reached else here
    return max([here or least, least, best], key=ladder.rank)


def _requested(ladder: Ladder, here: str, properties: Mapping[str, Any]) -> str:
    wanted = properties.get("stage")
    if not isinstance(wanted, str) or wanted not in ladder.names:
        return here
    if properties.get("forward_only", True) is not False and ladder.rank(wanted) <= ladder.rank(here):
        return here
    return wanted


_LONG_AGO: Final = datetime.fromisoformat("1600-01-01T00:00:00+00:00")


# --- the ladder as it is written ---------------------------------------------------------------


def ladder(data: Any = None, path: str = "/stages") -> Ladder:
    """The ladder written in `data` (`Workspace.stages`; empty: the default); raises `errors.Problems`."""
    if not data:
        data = DEFAULT
    if not isinstance(data, list) or len(data) > MAX_STAGES:
        raise Problems(
            [Problem(path, "wrong_type", f"Stages are a list of at most {MAX_STAGES} objects, the lowest first.")]
        )
    problems: list[Problem] = []
    stages = [_stage(each, f"{path}/{place}", problems) for place, each in enumerate(data)]
    names = [stage.name for stage in stages]
    problems += [
        Problem(f"{path}/{place}/stage", "twice", f"There are two stages {name!r}; rename one.")
        for place, name in enumerate(names)
        if name and name in names[:place]
    ]
    problems += [
        Problem(f"{path}/{place}/quiet/from", "unknown_stage", f"There is no stage {name!r} to fall silent in.")
        for place, stage in enumerate(stages)
        if stage.quiet
        for name in stage.quiet.stages
        if name not in names
    ]
    if not problems and (stages[0].on or stages[0].quiet):
        problems.append(
            Problem(f"{path}/0", "first_stage", 'Everybody begins at the first stage: it has no "on" and no "quiet".')
        )
    if problems:
        raise Problems(problems)
    return Ladder(tuple(stages))


def _stage(data: Any, path: str, problems: list[Problem]) -> Stage:
    if not isinstance(data, Mapping):
        problems.append(
            Problem(path, "wrong_type", 'A stage reads {"stage": "engaged", "on": [{"event": "Link Clicked"}]}.')
        )
        return Stage("")
    problems += [
        Problem(f"{path}/{key}", "unknown_key", "A stage has the keys stage, identified, on, quiet.")
        for key in set(data) - {"stage", "identified", "on", "quiet"}
    ]
    name = data.get("stage")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        problems.append(Problem(f"{path}/stage", "wrong_type", f"A stage has a name of at most {MAX_NAME} characters."))
        name = ""
    on: dict[str, int] = {}
    for place, each in enumerate(_list(data.get("on", []), f"{path}/on", problems)):
        on.update(_lead(each, f"{path}/on/{place}", problems))
    quiet = _quiet(data["quiet"], f"{path}/quiet", problems) if "quiet" in data else None
    return Stage(name, data.get("identified") is True, on, quiet)


def _list(data: Any, path: str, problems: list[Problem]) -> Sequence[Any]:
    if isinstance(data, list):
        return data
    problems.append(Problem(path, "wrong_type", 'A list like [{"event": "Product Viewed", "count": 3}].'))
    return []


def _lead(data: Any, path: str, problems: list[Problem]) -> dict[str, int]:
    count = data.get("count", 1) if isinstance(data, Mapping) else 0
    named = isinstance(data, Mapping) and isinstance(data.get("event"), str) and set(data) <= {"event", "count"}
    if not named or isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
        problems.append(
            Problem(path, "wrong_type", 'What leads to a stage reads {"event": "Product Viewed", "count": 3}.')
        )
        return {}
    return {data["event"]: count}


def _quiet(data: Any, path: str, problems: list[Problem]) -> Quiet | None:
    fits = isinstance(data, Mapping) and set(data) == {"event", "days", "from"}
    days = data["days"] if fits else 0
    if (
        not fits
        or not isinstance(data["event"], str)
        or isinstance(days, bool)
        or not isinstance(days, int)
        or not 1 <= days <= MAX_DAYS
        or not isinstance(data["from"], list)
    ):
        problems.append(
            Problem(path, "wrong_type", 'Silence reads {"event": "Order Completed", "days": 180, "from": ["repeat"]}.')
        )
        return None
    return Quiet(data["event"], timedelta(days=days), tuple(str(each) for each in data["from"]))
