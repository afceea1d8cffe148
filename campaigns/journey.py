"""From the nested JSON of a campaign to a checked plan. Pure.

`compile` raises all mistakes at once; `check` returns them with the warnings. Neither ever
raises anything else, whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Self

from campaigns import checks, terms
from campaigns.plan import Instruction, Plan
from campaigns.reading import ContentCheck, Notes, Reader, RuleCheck
from campaigns.steps import kinds
from campaigns.steps.base import Decision, Lane, Look, Step, Stop, rule_id
from campaigns.types import END
from crm.errors import Problem, Problems

MOST_STEPS: Final = 500
DEEPEST: Final = 10
MOST_LANES: Final = 21
STEP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
RESERVED: Final = ("else", "timeout")


@dataclass(frozen=True)
class Node:
    """A step as it was read, before its ports lead anywhere."""

    id: str
    kind: str
    config: Mapping[str, Any]
    step: Step
    pointer: str
    lanes: tuple[tuple[str, tuple[Node, ...]], ...]


@dataclass(frozen=True)
class Unknown(Step):
    """Stands in for a step of no known kind, so that the rest can be checked all the same."""

    names: tuple[str, ...]

    kind = ""

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        return cls(tuple(lane.port for lane in lanes))

    def ports(self) -> tuple[str, ...]:
        return self.names or ("next",)

    def decide(self, look: Look) -> Decision:
        """Nobody arrives here: a document with an unknown step is refused."""
        return Stop("dropped", "unknown_step")


def compile(  # noqa: A001 - the word of the house: `journey.compile(document)`
    document: Any, *, salt: str = "", rules: RuleCheck | None = None, contents: ContentCheck | None = None
) -> Plan:
    """The plan of a document, or `Problems` with every mistake in it.

    `salt`: the campaign's, for random splits. `rules(rule, pointer)` and
    `contents(channel, body, pointer)` return the problems of a rule or of a message's words.
    """
    plan, notes = _read(document, salt, rules, contents)
    if notes.problems or plan is None:
        raise Problems(notes.problems)
    return plan


def check(
    document: Any, *, rules: RuleCheck | None = None, contents: ContentCheck | None = None
) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings) of a document."""
    _, notes = _read(document, "", rules, contents)
    return notes.problems, notes.warnings


def fill(document: Any) -> Any:
    """A copy in which each lane has an id: the label it was first saved with. Ids survive renaming."""
    if checks.measure(document):
        return document
    document = deepcopy(document)
    todo = [document.get("steps")] if isinstance(document, dict) else []
    while todo:
        steps = todo.pop()
        for one in steps if isinstance(steps, list) else []:
            lanes = one.get("lanes") if isinstance(one, dict) else None
            lanes = [lane for lane in lanes if isinstance(lane, dict)] if isinstance(lanes, list) else []
            _name_lanes(lanes)
            todo.extend(lane.get("steps") for lane in lanes)
    return document


def _name_lanes(lanes: list[dict[str, Any]]) -> None:
    taken = {lane["id"] for lane in lanes if isinstance(lane.get("id"), str)}
    for lane in lanes:
        label = lane.get("label")
        if "id" in lane or not isinstance(label, str):
            continue
        name, number = label, 1
        while name in taken:
            number += 1
            name = f"{label[:60]}-{number}"
        lane["id"] = name
        taken.add(name)


def _read(
    document: Any, salt: str, rules: RuleCheck | None, contents: ContentCheck | None
) -> tuple[Plan | None, Notes]:
    notes = Notes(rule_check=rules, content_check=contents)
    trouble = checks.measure(document)
    if trouble:
        notes.problems.append(trouble)
        return None, notes
    top = terms.reader_of(document, notes)
    settings = terms.read(top)
    journey = _Journey(notes, settings.key_path)
    nodes = journey.steps(top, depth=1)
    top.close()
    plan = _link(nodes, settings, salt)
    plan = checks.examine(plan, notes)
    return plan, notes


class _Journey:
    """Reads steps in steps, and remembers the ids it has seen."""

    def __init__(self, notes: Notes, key_path: str) -> None:
        self.notes, self.key_path = notes, key_path
        self.seen: dict[str, str] = {}
        self.count = 0

    def steps(self, owner: Reader, depth: int) -> tuple[Node, ...]:
        lowest = 1 if depth == 1 else 0
        nodes = []
        for pointer, item in owner.items("steps", low=lowest, high=MOST_STEPS, of="steps"):
            self.count += 1
            if self.count > MOST_STEPS:
                owner.refuse("steps", "too_many_steps", f"a journey has at most {MOST_STEPS} steps; split it.")
                break
            nodes.append(self.node(item, pointer, depth))
        return tuple(nodes)

    def node(self, item: Any, pointer: str, depth: int) -> Node:
        given = item.get("id") if isinstance(item, dict) else None
        name = given if isinstance(given, str) and STEP_ID.fullmatch(given) else ""
        reader = Reader(item, pointer, self.notes, f"Step {name or pointer}")
        name = self.identity(reader, name)
        reader.text("label", longest=80)
        reader.text("note", longest=500, one_line=False)
        kind_name = reader.text("type", required=True, longest=40)
        kind = kinds.get(kind_name)
        config = Reader(reader.raw("config", {}), reader.at("config"), self.notes, reader.subject)
        config.key_path = self.key_path
        lanes = self.lanes(reader, kind)
        if kind is None:
            words = ", ".join(sorted(kinds))
            reader.refuse("type", "unknown_step", f"there is no step {kind_name!r}; use one of {words}.")
            step: Step = Unknown.parse(config, lanes)
        else:
            step = kind.parse(config, lanes)
            config.close()
        reader.close()
        inner = tuple((lane.port, self.inside(lane, step, depth)) for lane in lanes)
        return Node(name, kind_name, config.data, step, pointer, inner)

    def identity(self, reader: Reader, name: str) -> str:
        """The id to go on with: a made-up one where it is missing or taken."""
        if not reader.has("id"):
            reader.refuse("id", "required", "it has no id; give one that stays the same across versions.")
        elif not name:
            reader.refuse("id", "bad_id", "id must be 1 to 64 letters, digits, _ or -; rename it.")
        elif name in self.seen:
            reader.refuse("id", "duplicate_id", f"{name} is also the id of {self.seen[name]}; rename one of them.")
        else:
            self.seen[name] = reader.pointer
            return name
        return f"?{reader.pointer}"

    def lanes(self, reader: Reader, kind: type[Step] | None) -> tuple[Lane, ...]:
        lanes: list[Lane] = []
        labels: set[str] = set()
        ports: set[str] = set()
        for pointer, item in reader.items("lanes", low=0, high=MOST_LANES, of="lanes"):
            settings = Reader(item, pointer, self.notes, reader.subject)
            label = settings.text("label", required=True, longest=64)
            own = settings.text("id", longest=64) if settings.has("id") else ""
            port = own if own and kind and kind.own_lanes and label not in RESERVED else label
            self._reserved(settings, kind, label, port)
            if label in labels or port in ports:
                settings.refuse("label", "duplicate_label", f"two lanes are called {label!r}; rename one.")
                port = f"{port[:40]}?{len(lanes)}"
            labels.add(label)
            ports.add(port)
            lanes.append(Lane(label, port, settings))
        return tuple(lanes)

    def _reserved(self, settings: Reader, kind: type[Step] | None, label: str, port: str) -> None:
        allowed = kind.reserved if kind else frozenset(RESERVED)
        for word in {label, port} & set(RESERVED):
            if word not in allowed:
                settings.refuse("label", "reserved_label", f"{word!r} is reserved for another use; rename the lane.")

    def inside(self, lane: Lane, step: Step, depth: int) -> tuple[Node, ...]:
        """The steps of a lane. Its reader is closed here: the step has read its own keys."""
        settings = lane.settings
        if lane.port not in step.ports() and lane.port in (lane.label, *RESERVED):
            words = ", ".join(step.ports()) or "none"
            settings.refuse(
                "label",
                "unknown_lane",
                f"no port is called {lane.label!r} (there are: {words}); rename or remove the lane.",
            )
        found: tuple[Node, ...] = ()
        if depth >= DEEPEST and settings.raw("steps"):
            settings.refuse("steps", "too_deep", f"lanes are more than {DEEPEST} deep; use goto, or a second campaign.")
        elif depth < DEEPEST:
            found = self.steps(settings, depth + 1)
        settings.close()
        return found


def _link(nodes: Sequence[Node], settings: terms.Terms, salt: str) -> Plan:
    """Flatten: the last step of a lane leads to the step after its split; a `goto` to its target."""
    table: dict[str, Instruction] = {}
    _link_list(nodes, END, table)
    rules = {rule_id(one.id, port): rule for one in table.values() for port, rule in one.step.rules().items()}
    if settings.eligibility is not None:
        rules[terms.ELIGIBILITY] = settings.eligibility
    return Plan(nodes[0].id if nodes else END, table, rules, settings, salt)


def _link_list(nodes: Sequence[Node], after: str, table: dict[str, Instruction]) -> None:
    for index, node in enumerate(nodes):
        below_it = nodes[index + 1].id if index + 1 < len(nodes) else after
        lanes = dict(node.lanes)
        onward = {port: lanes[port][0].id if lanes.get(port) else below_it for port in node.step.ports()}
        onward.update(node.step.jumps())
        table[node.id] = Instruction(node.id, node.kind, node.config, onward, node.step, pointer=node.pointer)
        for _, inner in node.lanes:
            _link_list(inner, below_it, table)
