"""Asking the engine the same thing once.

In a bulk send thousands of runs stand at the same step and are answered the same. The engine is
pure, so what it read decides what it says: the first time, the parts of the traveller that it
reads are noted; whoever has the same in those parts gets the same answer, without being asked.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from campaigns import engine
from campaigns.plan import Plan
from campaigns.runs import Claimed
from campaigns.types import Advance, Facts, Traveller

PARTS: Final = frozenset(field.name for field in dataclasses.fields(Traveller))
# Where each part stands in a claimed row. `left_at` is what a woken run's due date says.
PLACE: Final = {name: Claimed._fields.index({"run_id": "id", "left_at": "due_at"}.get(name, name)) for name in PARTS}


class _Watched(Traveller):
    """A traveller that notes which of its parts are read."""

    def __getattribute__(self, name: str) -> Any:
        if name in PARTS:
            object.__getattribute__(self, "__dict__")["read_parts"].add(name)
        return object.__getattribute__(self, name)


class Repeats:
    """The answers for one version at one moment."""

    def __init__(self, plan: Plan, now: datetime) -> None:
        self.plan, self.now = plan, now
        self.tables: dict[frozenset[str], tuple[Callable[[Any], Any], dict[Any, Advance]]] = {}
        # Facts are compared by identity: they must not be collected while they are keys.
        self.facts: dict[int, Facts] = {}

    def advance(self, row: Claimed, facts: Facts) -> Advance:
        """What `engine.advance` says of this run. `facts`: one object for all who share them."""
        for part_of, known in self.tables.values():
            answer = known.get((id(facts), part_of(row)))
            if answer is not None:
                return answer
        watched = _Watched(**fields_of(row))
        read: set[str] = set()
        watched.__dict__["read_parts"] = read
        answer = engine.advance(self.plan, watched, facts, self.now)
        self._keep(frozenset(read), row, facts, answer)
        return answer

    def _keep(self, read: frozenset[str], row: Claimed, facts: Facts, answer: Advance) -> None:
        self.facts[id(facts)] = facts
        if read not in self.tables:
            self.tables[read] = (itemgetter(*sorted(PLACE[name] for name in read)), {})
        part_of, known = self.tables[read]
        known[id(facts), part_of(row)] = answer


def fields_of(row: Claimed) -> dict[str, Any]:
    """A claimed row as the parts of a traveller."""
    return {
        "run_id": row.id,
        "contact_id": row.contact_id,
        "draw": row.draw,
        "zone": row.zone,
        "key": row.key,
        "entry_seq": row.entry_seq,
        "held_out": row.held_out,
        "entry": json.loads(row.entry or "{}"),
        "entry_occurred_at": row.entry_occurred_at,
        "entered_at": row.entered_at,
        "rested_at": row.rested_at,
        "step": row.step,
        "port": row.port,
        "loops": json.loads(row.loops or "{}"),
        "left_at": row.due_at,
    }
