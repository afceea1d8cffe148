"""A document becomes nodes, lanes and places for new steps."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from campaigns import canvas, commands, journey, palette
from campaigns.palette import doors
from tests.campaigns import drafting

WAIT = {"type": "wait.duration", "config": {"value": 1, "unit": "days"}}
END = {"type": "exit", "config": {}}


def draw(*steps: dict[str, Any], **more: Any) -> canvas.Drawing:
    document = {"steps": [{"id": f"s{number}", **step} for number, step in enumerate(steps)]}
    return canvas.draw(document, palette.speaker(document), **more)


def lane(label: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"label": label, **more, "steps": [{"id": f"{label}{number}", **step} for number, step in enumerate(steps)]}


def split(*lanes: dict[str, Any], kind: str = "split.random") -> dict[str, Any]:
    return {"type": kind, "config": {}, "lanes": list(lanes)}


@pytest.mark.parametrize("seed", range(10))
def test_every_place_takes_a_new_step(seed: int) -> None:
    """Wherever the canvas offers a "+", the command that it means is carried out, and the step is drawn there."""
    rng, document = Random(seed), drafting.START
    for _ in range(25):
        document = commands.carry_out(document, drafting.command(document, rng))
    drawing = canvas.draw(document, palette.speaker(document))
    assert drawing.steps == len(commands.ids(document))
    for place in places(drawing.nodes):
        step = {**WAIT, "id": "new"}
        after = commands.carry_out(document, {"do": "insert", **json.loads(place), "step": step})
        drawn = canvas.draw(after, palette.speaker(after))
        assert "new" in {node.id for node in nodes(drawn.nodes)}


def nodes(drawn: tuple[canvas.Node, ...]) -> list[canvas.Node]:
    found = []
    for node in drawn:
        found.append(node)
        for each in node.lanes:
            found.extend(nodes(each.nodes))
    return found


def places(drawn: tuple[canvas.Node, ...]) -> list[str]:
    found = []
    for node in nodes(drawn):
        found.append(node.place)
        found.extend(each.place for each in node.lanes)
    return found


def test_lanes_rejoin_unless_each_ends() -> None:
    (node,) = draw(split(lane("A", WAIT), lane("B", END))).nodes
    assert [each.flows for each in node.lanes] == [True, False]
    assert node.flows
    assert node.rail == (25.0, 50.0)
    (ended,) = draw(split(lane("A", END), lane("B", {"type": "goal", "config": {"exit": True}}))).nodes
    assert not ended.flows
    assert ended.rail is None


def test_the_joining_line_reaches_over_lanes_of_different_widths() -> None:
    wide = split(lane("C", WAIT), lane("D", WAIT), lane("E", WAIT))
    (node,) = draw(split(lane("A", wide), lane("B", END), lane("F", END))).nodes
    assert node.columns == 5
    assert node.rail == (30.0, 50.0)


def test_ways_that_have_no_lane_yet_are_drawn_and_can_be_used() -> None:
    (node,) = draw(split(lane("Yes", WAIT, when={}), kind="split.rule")).nodes
    assert [(each.index, each.label) for each in node.lanes] == [(0, "Yes"), (None, "All others")]
    assert json.loads(node.lanes[1].place) == {"lane": ["s0", "else"]}
    waiting = {"type": "wait.event", "config": {"branches": [{"label": "bought", "event": "Order Completed"}]}}
    assert draw(waiting).nodes[0].lanes == ()
    (node,) = draw({**waiting, "lanes": [lane("timeout")]}).nodes
    assert [each.label for each in node.lanes] == ["In vain", "bought"]


def test_a_jump_back_goes_on_below_and_a_jump_forward_does_not() -> None:
    back = {"type": "goto", "config": {"step": "s0"}}
    ahead = {"type": "goto", "config": {"step": "s2"}}
    assert draw(WAIT, back).nodes[1].flows
    assert not draw(WAIT, ahead, WAIT).nodes[1].flows


def test_a_new_step_beside_an_end_goes_above_it() -> None:
    nodes = draw(WAIT, END).nodes
    assert json.loads(nodes[1].above) == {"after": "s0"}


def test_folded_lanes_are_as_wide_as_one() -> None:
    wide = split(lane("C", WAIT), lane("D", WAIT))
    (node,) = draw(split(lane("A", wide), lane("B", WAIT)), folded=frozenset({"s0.0"})).nodes
    assert [(each.folded, each.steps, each.columns) for each in node.lanes] == [(True, 3, 1), (False, 1, 1)]


def test_problems_and_notes_stand_in_their_step() -> None:
    (node,) = draw({**WAIT, "note": "Ask Ana"}, faults={"s0": ["Too short"]}).nodes
    assert (node.note, node.faults, node.pill) == ("Ask Ana", ("Too short",), False)
    assert "Too short" in node.aria


def test_changes_are_counted_by_step_and_setting() -> None:
    start = journey.fill(drafting.START)
    assert canvas.changes(start, start) == 0
    after = commands.carry_out(start, {"do": "label", "step": "w1", "label": "New"})
    assert canvas.changes(start, after) == 1
    after = commands.carry_out(after, {"do": "set", "path": "goal", "value": {"event": "X"}})
    after = commands.carry_out(after, {"do": "remove", "step": "mail"})
    assert canvas.changes(start, after) == 3


def test_every_step_says_itself_in_words() -> None:
    for kind, tile in palette.tiles.items():
        new = {"id": "x", "type": kind, **tile.fresh()}
        assert palette.title(new), kind
        assert palette.title({"id": "x", "type": kind, "config": {"value": [], "at": 3, "branches": 1}}), kind
        assert palette.title({**new, "label": "Mine"}) == "Mine"
    wait = {"type": "wait.duration", "config": {"value": 2, "unit": "days"}}
    assert palette.title(wait) == "Wait 2 days"


@pytest.mark.parametrize("name", ["abandoned_cart", "welcome", "win_back", "thank_you"])
def test_the_ready_made_journeys_are_drawn(name: str) -> None:
    document = json.loads((Path("campaigns/examples") / f"{name}.json").read_text())
    drawing = canvas.draw(document, palette.speaker(document))
    assert drawing.steps == len(commands.ids(document))
    assert doors.tell(document, {"SEGMENT": "Good customers"})[0]
