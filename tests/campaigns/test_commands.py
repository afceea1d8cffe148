"""What an editor does to a draft."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from campaigns import commands
from crm.errors import Problems
from tests.campaigns import drafting

WAIT = {"type": "wait.duration", "config": {"value": 2, "unit": "days"}}


def do(document: dict[str, Any], **command: Any) -> dict[str, Any]:
    before = deepcopy(document)
    after = commands.carry_out(document, command)
    assert document == before, "the given document stays as it is"
    return after


def order(document: dict[str, Any]) -> list[str]:
    return [step["id"] for _, step in commands.walk(document)]


@pytest.mark.parametrize("seed", range(30))
def test_ids_stay_unique_and_no_step_is_lost(seed: int) -> None:
    rng, document = Random(seed), drafting.START
    for _ in range(40):
        command = drafting.command(document, rng)
        before, names = commands.ids(document), order(document)
        document = commands.carry_out(document, command)
        after = order(document)
        assert len(after) == len(set(after))
        if command["do"] == "remove":
            assert set(after) < before
        elif command["do"] == "move":
            assert set(after) == before
        elif command["do"] in ("insert", "paste"):
            assert set(after) > before
            assert len(after) > len(names)
        else:
            assert after == names


def test_a_step_goes_between_two_others_and_keeps_the_id_it_comes_with() -> None:
    after = do(drafting.START, do="insert", after="mail", step={**WAIT, "id": "new"})
    assert order(after) == ["mail", "new", "fork", "w1", "end"]
    again = do(after, do="insert", after="", step={**WAIT, "id": "new"})
    assert len(commands.ids(again)) == 6


def test_a_step_goes_to_the_head_of_a_lane_also_of_one_that_is_not_there_yet() -> None:
    after = do(drafting.START, do="insert", lane=["fork", 1], step={**WAIT, "id": "new"})
    assert order(after) == ["mail", "fork", "w1", "new", "end"]
    ruled = do(drafting.START, do="insert", after="end", step={"id": "r", "type": "split.rule"})
    ruled = do(ruled, do="insert", lane=["r", "else"], step={**WAIT, "id": "new"})
    assert commands.find(ruled, "r")["lanes"] == [{"label": "else", "id": "else", "steps": [{**WAIT, "id": "new"}]}]  # type: ignore[index]


def test_who_removes_a_split_chooses_the_lane_whose_steps_stay() -> None:
    assert order(do(drafting.START, do="remove", step="fork", keep_lane=0)) == ["mail", "w1", "end"]
    assert order(do(drafting.START, do="remove", step="fork", keep_lane=1)) == ["mail", "end"]
    assert order(do(drafting.START, do="remove", step="fork", keep_lane=None)) == ["mail", "end"]


def test_a_step_moves_with_its_lanes_but_not_into_itself() -> None:
    assert order(do(drafting.START, do="move", step="fork", after="")) == ["fork", "w1", "mail", "end"]
    assert order(do(drafting.START, do="move", step="mail", lane=["fork", 1])) == ["fork", "w1", "mail", "end"]
    with pytest.raises(Problems, match="into itself"):
        do(drafting.START, do="move", step="fork", lane=["fork", 1])


def test_a_step_moves_past_its_neighbour_and_out_of_its_lane() -> None:
    assert order(do(drafting.START, do="move", step="mail", by=1)) == ["fork", "w1", "mail", "end"]
    assert order(do(drafting.START, do="move", step="w1", by=-1)) == ["mail", "w1", "fork", "end"]
    assert order(do(drafting.START, do="move", step="w1", by=1)) == ["mail", "fork", "w1", "end"]
    assert do(drafting.START, do="move", step="mail", by=-1)["steps"][0]["id"] == "mail"
    assert order(do(drafting.START, do="move", step="fork", by=1))[-1] == "end", "nothing goes below an end"


def test_copies_have_ids_of_their_own_and_jumps_among_them_lead_to_the_copies() -> None:
    steps = [
        {"id": "w1", "type": "wait.duration", "config": {}},
        {"id": "again", "type": "goto", "config": {"step": "w1"}},
    ]
    after = do(drafting.START, do="paste", after="end", steps=steps)
    copies = after["steps"][-2:]
    assert copies[0]["id"] != "w1"
    assert copies[1]["config"]["step"] == copies[0]["id"]


def test_lanes_are_named_ordered_and_removed_and_keep_their_steps() -> None:
    after = do(
        drafting.START,
        do="lanes",
        step="fork",
        lanes=[{"label": "C", "weight": 3}, {"id": "A", "label": "First", "weight": 2}],
    )
    lanes = commands.find(after, "fork")["lanes"]  # type: ignore[index]
    assert [(lane["id"], lane["label"], lane["weight"], len(lane["steps"])) for lane in lanes] == [
        ("C", "C", 3, 0),
        ("A", "First", 2, 1),
    ]


def test_a_new_lane_never_takes_the_id_of_one_that_was_renamed() -> None:
    named = do(drafting.START, do="lanes", step="fork", lanes=[{"id": "A", "label": "X", "weight": 1}])
    both = do(
        named, do="lanes", step="fork", lanes=[{"id": "A", "label": "X", "weight": 1}, {"label": "A", "weight": 1}]
    )
    assert [lane["id"] for lane in commands.find(both, "fork")["lanes"]] == ["A", "A-2"]  # type: ignore[index]


def test_lanes_of_a_wait_follow_the_names_of_its_branches() -> None:
    config = {"branches": [{"label": "bought", "event": "Order Completed"}], "timeout": {"value": 1, "unit": "days"}}
    step = {"id": "w", "type": "wait.event", "config": config, "lanes": [{"label": "bought"}, {"label": "timeout"}]}
    document = do(drafting.START, do="insert", after="", step=step)
    document = do(document, do="insert", lane=["w", 0], step={**WAIT, "id": "in"})
    renamed = {**config, "branches": [{"label": "ordered", "event": "Order Completed"}]}
    after = commands.find(do(document, do="configure", step="w", config=renamed), "w")
    assert after is not None
    assert [lane["label"] for lane in after["lanes"]] == ["ordered", "timeout"]
    assert after["lanes"][0]["steps"][0]["id"] == "in"
    none: dict[str, Any] = {**config, "branches": []}
    kept = commands.find(do(document, do="configure", step="w", config=none), "w")
    assert kept is not None
    assert kept["lanes"][0]["steps"], "a lane with steps is never lost"


def test_settings_at_the_top_are_set_and_taken_out() -> None:
    after = do(drafting.START, do="set", path="goal", value={"event": "Order Completed"})
    assert after["goal"] == {"event": "Order Completed"}
    assert "goal" not in do(after, do="set", path="goal", value=None)


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"do": "fly"},
        {"do": []},
        {"do": "insert", "after": "mail"},
        {"do": "insert", "after": "nowhere", "step": WAIT},
        {"do": "insert", "after": "mail", "step": {"type": "send.pigeon"}},
        {"do": "insert", "lane": ["fork", 7], "step": WAIT},
        {"do": "insert", "lane": "fork", "step": WAIT},
        {"do": "remove", "step": "nowhere"},
        {"do": "remove", "step": "fork", "keep_lane": 5},
        {"do": "remove", "step": ["fork"]},
        {"do": "move", "step": "mail", "by": 4},
        {"do": "paste", "after": "", "steps": []},
        {"do": "paste", "after": "", "steps": [{"type": "send.pigeon"}]},
        {"do": "configure", "step": "mail", "config": "x"},
        {"do": "label", "step": "mail", "label": "x" * 81},
        {"do": "label", "step": "mail", "label": "x\x00"},
        {"do": "note", "step": "mail", "note": 5},
        {"do": "lanes", "step": "fork", "lanes": [{"weight": 1}]},
        {"do": "lanes", "step": "fork", "lanes": [{"label": "a", "steps": []}]},
        {"do": "set", "path": "steps", "value": []},
        {"do": "set", "path": "name", "value": ""},
    ],
)
def test_a_command_that_makes_no_sense_is_refused(command: dict[str, Any]) -> None:
    with pytest.raises(Problems):
        commands.carry_out(drafting.START, command)


def test_a_journey_has_room_for_500_steps_ten_lanes_deep() -> None:
    many = [{"id": f"s{number}", "type": "exit"} for number in range(500)]
    with pytest.raises(Problems, match="500"):
        commands.carry_out({"steps": many}, {"do": "insert", "after": "", "step": WAIT})
    deep: dict[str, Any] = {"steps": []}
    place: dict[str, Any] = {"after": ""}
    for number in range(10):
        step = {"id": f"d{number}", "type": "split.random", "lanes": [{"label": "A"}, {"label": "B"}]}
        deep = commands.carry_out(deep, {"do": "insert", **place, "step": step})
        place = {"lane": [f"d{number}", 0]}
    with pytest.raises(Problems, match="deep"):
        commands.carry_out(deep, {"do": "insert", **place, "step": WAIT})
