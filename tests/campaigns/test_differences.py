"""What changed between two documents, told by steps and settings."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from campaigns import differences
from tests.campaigns import cart


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.what, each.setting or each.step) for each in differences.between(before, after)]


def base() -> dict[str, Any]:
    return cart.campaign(
        cart.email("a"),
        cart.wait("b"),
        cart.step("split.rule", "c", [cart.lane("sms", cart.email("d"), when=cart.rule()), cart.lane("else")]),
        cart.email("e"),
    )


def test_the_same_has_no_differences() -> None:
    assert differences.between(base(), base()) == []


def test_a_setting_has_its_two_values() -> None:
    after = base() | {"holdout_pct": 20}
    [change] = differences.between(base(), after)
    assert (change.what, change.setting) == ("changed", "holdout_pct")
    assert (change.fields[0].before, change.fields[0].after) == (None, 20)


def test_words_that_changed_are_named() -> None:
    after = base()
    after["steps"][0]["config"]["subject"] = "Another"
    [change] = differences.between(base(), after)
    assert (change.what, change.step, [each.name for each in change.fields]) == ("changed", "a", ["subject"])
    assert change.fields[0].after == "Another"


def test_steps_that_came_and_went() -> None:
    after = base()
    after["steps"].insert(1, cart.wait("n"))
    assert told(base(), after) == [("added", "n")]
    assert told(after, base()) == [("removed", "n")]


def test_a_step_in_a_lane_is_found_too() -> None:
    after = base()
    after["steps"][2]["lanes"][0]["steps"].append(cart.wait("n"))
    assert told(base(), after) == [("added", "n")]


def test_a_step_that_moved_is_not_a_new_one() -> None:
    after = base()
    moved = after["steps"].pop(3)
    after["steps"][2]["lanes"][1]["steps"].append(moved)
    assert told(base(), after) == [("moved", "e")]
    swapped = base()
    swapped["steps"][0], swapped["steps"][1] = swapped["steps"][1], swapped["steps"][0]
    assert {what for what, _ in told(base(), swapped)} == {"moved"}


def test_neighbours_of_what_came_did_not_move() -> None:
    after = base()
    after["steps"].insert(0, cart.wait("n"))
    assert told(base(), after) == [("added", "n")]
    without = base()
    without["steps"].pop(0)
    assert told(base(), without) == [("removed", "a")]


def test_a_lane_that_was_renamed() -> None:
    before, after = base(), base()
    before["steps"][2]["lanes"][0]["id"] = after["steps"][2]["lanes"][0]["id"] = "sms"
    after["steps"][2]["lanes"][0]["label"] = "By text"
    [change] = differences.between(before, after)
    assert (change.what, change.step, change.fields[0].name) == ("changed", "c", "lanes")


def test_an_incomplete_draft_is_compared_all_the_same() -> None:
    broken = deepcopy(base()) | {"steps": None}
    assert {what for what, _ in told(base(), broken)} == {"removed"}
    assert {what for what, _ in told({}, base())} >= {"added"}
