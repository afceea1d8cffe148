"""What the pure engine is given and what it answers. No Django here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

END = ""  # the step id after the last one: the journey is completed


@dataclass(frozen=True)
class Traveller:
    """One run as the engine sees it. Instants are aware UTC; `zone` is an IANA name.

    `step`/`port`: port '' means it arrives at `step` (step '' with port '' is the very start);
    otherwise it stands in `step` and goes on by `port`.

    `rested_at` is the last `Advance.since` (None before the first page): facts from then on may
    satisfy the next wait. `left_at`: when a wait was left, that is its deadline, or the instant of
    the event that ended it (None: now); only read when it leaves a wait.
    """

    run_id: int
    contact_id: int
    draw: str
    zone: str
    key: str
    entry_seq: int
    held_out: bool
    entry: Mapping[str, Any]
    entry_occurred_at: datetime
    entered_at: datetime
    rested_at: datetime | None
    step: str
    port: str
    loops: Mapping[str, int] = field(default_factory=dict)
    left_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """Answers gathered for one traveller before it advances.

    `rules`: rule id of the plan -> does it hold now. `arms`: step id -> lane already dealt.
    `events`: what happened to the contact since `Traveller.rested_at` (its entry, if None) under
    the names of `Plan.page_events(step)`, as `(occurred_at, name, properties, event_id)`: a wait
    looks back into it. `siblings`: the skus (`matching.skus`) of each other active run of the
    contact in this campaign, only needed in keyed campaigns. `workspace_zone` answers for
    schedules of the workspace.
    """

    rules: Mapping[str, bool] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    events: tuple[tuple[datetime, str, Mapping[str, Any], int], ...] = ()
    workspace_zone: str = "UTC"
    siblings: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class Trace:
    """One line of the way a run came: becomes a Visit."""

    step: str
    visit: int
    port: str
    reason: str
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Listen:
    """What a waiting run listens to: a candidate is an event whose value at `match_path` (dots go
    inwards from its properties: `string_to_array(match_path, '.')`) is `match_value` or absent, and
    any event of that name where both are None. `matching.heard` then says whether it counts."""

    branch: int
    event: str
    port: str
    match_path: str | None
    match_value: str | None
    since: datetime


@dataclass(frozen=True)
class Send:
    """Plan a message. `expires_after_s`: seconds after it became due at which it is no longer sent."""

    step: str
    visit: int
    channel: str
    expires_after_s: int
    slot: str = ""


@dataclass(frozen=True)
class Change:
    """Change the contact: `changes` has some of {"set": {path: value}, "increment": {path: number},
    "append": {path: item}, "remove": {path: item}, "unset": [path]}; paths are `contact.x`, `fields.x`."""

    step: str
    visit: int
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class AskStage:
    """Record the fact `Stage Requested`; analytics folds it."""

    step: str
    visit: int
    stage: str
    forward_only: bool


@dataclass(frozen=True)
class Deal:
    """Remember the lane a random split dealt to this contact. If another lane is stored by then (two
    runs of one contact at once, on versions with other weights), the page must not be written:
    leave the run as it was, it reads again."""

    step: str
    lane: str


@dataclass(frozen=True)
class ReachGoal:
    step: str
    visit: int


Effect = Send | Change | AskStage | Deal | ReachGoal


@dataclass(frozen=True)
class Wait:
    """Rest in `step` until `until`, then leave by `port`; a `Listen` that comes true ends it sooner."""

    step: str
    until: datetime
    port: str
    listens: tuple[Listen, ...] = ()


@dataclass(frozen=True)
class InEffect:
    """Rest in `step` until the message just planned is settled."""

    step: str


@dataclass(frozen=True)
class Again:
    """The page ends here: go on from `step` with facts read anew, in the same tick or the next."""

    step: str
    port: str = ""


@dataclass(frozen=True)
class Done:
    outcome: str  # completed | converted | dropped | exited …


Rest = Wait | InEffect | Again | Done


@dataclass(frozen=True)
class Advance:
    """Where a run stopped, what to carry out, and the way it came.

    `loops` and `since` are to be kept as they are (`Enrolment.loops`, `Enrolment.rested_at`), also
    after `Again`. Effects happen once by (step, visit, slot), in the transaction that moves the run.
    """

    rest: Rest
    effects: tuple[Effect, ...]
    trace: tuple[Trace, ...]
    loops: Mapping[str, int]
    since: datetime
