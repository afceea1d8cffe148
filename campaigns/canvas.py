"""A draft as it is drawn: nodes in sequences, lanes in nodes, and where a new step can go. Pure.

One walk over the document makes everything that both the canvas and its outline show; the words
come from the palette (`Words`), so that no template decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from campaigns import commands

# Kinds that are drawn as a pill on one line.
PILLS: Final = frozenset({"wait.duration", "wait.until_time", "wait.event", "exit", "goal", "goto"})


@dataclass(frozen=True)
class Words:
    """What people read of one step. `ports`: (port, label) of the ways on that it has whether or not
    there is a lane for them; `labels`: lane id → label, where it is not the lane's own."""

    title: str
    detail: str = ""
    icon: str = "help"
    tone: str = ""
    kind: str = ""
    ports: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lane:
    """A way on from a step. `index` is None for a lane that is not in the document yet; `place` is where
    its first step goes, as a command says it."""

    index: int | None
    port: str
    label: str
    place: str
    nodes: tuple[Node, ...]
    flows: bool
    steps: int
    folded: bool
    columns: int

    @property
    def first(self) -> str:
        return self.nodes[0].id if self.nodes else ""


@dataclass(frozen=True)
class Node:
    """A step. `flows`: people go on below it; `rail`: from where to where (in % of its lanes' width)
    the line runs that joins its lanes, where some of them end."""

    id: str
    kind: str
    number: int
    level: int
    words: Words
    note: str
    faults: tuple[str, ...]
    doubts: tuple[str, ...]
    lanes: tuple[Lane, ...]
    flows: bool
    place: str
    above: str
    rail: tuple[float, float] | None
    columns: int
    folded: bool

    @property
    def pill(self) -> bool:
        return self.kind in PILLS and not self.faults and not self.doubts and not self.note

    @property
    def aria(self) -> str:
        return ". ".join(part for part in (self.words.title, self.words.detail, *self.faults, *self.doubts) if part)


@dataclass(frozen=True)
class Drawing:
    nodes: tuple[Node, ...]
    flows: bool
    columns: int
    steps: int


@dataclass
class _Pen:
    say: Callable[[Mapping[str, Any]], Words]
    faults: Mapping[str, Sequence[str]]
    doubts: Mapping[str, Sequence[str]]
    folded: frozenset[str]
    order: Mapping[str, int]
    number: int = 0

    def sequence(self, steps: Sequence[Any], place: Mapping[str, Any], level: int) -> tuple[tuple[Node, ...], bool]:
        """The nodes, and whether people go on below the last of them."""
        nodes: list[Node] = []
        flows, above = True, dumped(place)
        for step in steps:
            if isinstance(step, dict):
                node = self.node(step, above, level)
                nodes.append(node)
                flows, above = node.flows, node.place
        return tuple(nodes), flows

    def node(self, step: Mapping[str, Any], above: str, level: int) -> Node:
        self.number += 1
        number, name = self.number, str(step.get("id", ""))
        words = self.say(step)
        lanes = tuple(self.lanes(step, name, words, level))
        return Node(
            id=name,
            kind=str(step.get("type", "")),
            number=number,
            level=level,
            words=words,
            note=str(step.get("note") or ""),
            faults=tuple(self.faults.get(name, ())),
            doubts=tuple(self.doubts.get(name, ())),
            lanes=lanes,
            flows=any(lane.flows for lane in lanes) if lanes else self.goes_on(step, name),
            place=dumped({"after": name}),
            above=above,
            rail=rail(lanes),
            columns=sum(lane.columns for lane in lanes) or 1,
            folded=bool(lanes) and all(lane.folded for lane in lanes if lane.steps) and any(x.folded for x in lanes),
        )

    def lanes(self, step: Mapping[str, Any], name: str, words: Words, level: int) -> list[Lane]:
        given = commands.lanes_of(step)
        drawn = [self.lane(lane, index, name, words, level) for index, lane in enumerate(given)]
        if not given and step.get("type") != "split.rule":
            return drawn
        there = {lane.get("label") for lane in given}
        implied = [(port, label) for port, label in words.ports if port not in there]
        return drawn + [
            Lane(None, port, label, dumped({"lane": [name, port]}), (), flows=True, steps=0, folded=False, columns=1)
            for port, label in implied
        ]

    def lane(self, lane: Mapping[str, Any], index: int, name: str, words: Words, level: int) -> Lane:
        port = str(lane.get("id") or lane.get("label") or "")
        label = str(lane.get("label") or "")
        place = {"lane": [name, index]}
        before = self.number
        nodes, flows = self.sequence(commands.inside(lane), place, level + 1)
        folded = f"{name}.{index}" in self.folded and bool(nodes)
        columns = 1 if folded else max((node.columns for node in nodes), default=1)
        shown = words.labels.get(port) or dict(words.ports).get(label) or label
        return Lane(index, port, shown, dumped(place), nodes, flows, self.number - before, folded, columns)

    def goes_on(self, step: Mapping[str, Any], name: str) -> bool:
        config = step.get("config")
        config = config if isinstance(config, dict) else {}
        match step.get("type"):
            case "exit":
                return False
            case "goal":
                return config.get("exit") is not True
            case "goto":
                # A jump forward always jumps; one back ends after so many times.
                target = config.get("step")
                known = isinstance(target, str) and target in self.order
                return not known or self.order[str(target)] <= self.order.get(name, 0)
        return True


def draw(
    document: Mapping[str, Any],
    say: Callable[[Mapping[str, Any]], Words],
    *,
    faults: Mapping[str, Sequence[str]] | None = None,
    doubts: Mapping[str, Sequence[str]] | None = None,
    folded: frozenset[str] = frozenset(),
) -> Drawing:
    """`faults` and `doubts`: step id → sentences to show in it; `folded`: "step.lane" of folded lanes."""
    steps = document.get("steps")
    steps = steps if isinstance(steps, list) else []
    order = {str(step.get("id")): number for number, (_, step) in enumerate(commands.walk(document))}
    pen = _Pen(say, faults or {}, doubts or {}, folded, order)
    nodes, flows = pen.sequence(steps, {"after": ""}, 1)
    return Drawing(nodes, flows, max((node.columns for node in nodes), default=1), pen.number)


def rail(lanes: Sequence[Lane]) -> tuple[float, float] | None:
    """From where to where the joining line runs, in % of the width; None: all lanes join, or none does."""
    flowing = [lane.flows for lane in lanes]
    if all(flowing) or not any(flowing):
        return None
    whole = sum(lane.columns for lane in lanes)
    middles, at = [], 0
    for lane in lanes:
        if lane.flows:
            middles.append(at + lane.columns / 2)
        at += lane.columns
    low, high = min(*middles, whole / 2), max(*middles, whole / 2)
    return round(100 * low / whole, 3), round(100 * high / whole, 3)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """How many steps and settings differ: new ones, gone ones, moved ones, others than before."""
    old, new = _parts(before), _parts(after)
    return sum(old.get(name) != new.get(name) for name in old.keys() | new.keys())


def _parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their key; steps by id: what they say themselves, without the steps in their lanes,
    and what they stand in."""
    found: dict[str, Any] = {f"/{key}": value for key, value in document.items() if key != "steps"}
    for path, step in commands.walk(document):
        own = {key: value for key, value in step.items() if key != "lanes"}
        own["lanes"] = [
            {key: value for key, value in lane.items() if key != "steps"} for lane in commands.lanes_of(step)
        ]
        found[str(step.get("id"))] = (own, len(path))
    return found


def dumped(place: Mapping[str, Any]) -> str:
    return json.dumps(place, ensure_ascii=False)
