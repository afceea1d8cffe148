"""Patches: both ways, whatever was changed."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import commands, patch
from tests.campaigns import drafting

json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "a", "b"]), inner, max_size=3),
    max_leaves=12,
)


def exact(value: Any) -> Any:
    """Equal as JSON, where 1 is not true."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else (type(value).__name__, value)


@settings(max_examples=300, deadline=None)
@given(json, json)
def test_a_patch_leads_there_and_its_inverse_leads_back(before: Any, after: Any) -> None:
    change = patch.diff(before, after)
    assert exact(patch.apply(change, before)) == exact(after)
    assert exact(patch.apply(patch.invert(change), after)) == exact(before)
    assert (change == []) == (exact(before) == exact(after))


def test_a_patch_of_a_long_journey_is_small() -> None:
    steps = [{"id": f"s{number}", "type": "wait.duration", "config": {"value": 1}} for number in range(200)]
    document = {"steps": steps}
    new = {"id": "new", "type": "exit"}
    after = commands.carry_out(document, {"do": "insert", "after": "s100", "step": new})
    assert patch.diff(document, after) == [{"p": ["steps"], "i": 101, "out": [], "in": [new]}]
    changed = commands.carry_out(document, {"do": "configure", "step": "s7", "config": {"value": 2}})
    assert patch.diff(document, changed) == [{"p": ["steps", 7, "config", "value"], "a": 1, "b": 2}]


def test_a_patch_refuses_another_document() -> None:
    change = patch.diff({"a": [1, 2]}, {"a": [1, 3]})
    with pytest.raises(patch.Misfit):
        patch.apply(change, {"a": [1, 9]})
    with pytest.raises(patch.Misfit):
        patch.apply(patch.diff({"a": 1}, {}), {"b": 1})


@pytest.mark.parametrize("seed", range(20))
def test_edits_of_a_journey_go_back_and_forth(seed: int) -> None:
    rng, document = Random(seed), drafting.START
    for _ in range(15):
        after = commands.carry_out(document, drafting.command(document, rng))
        change = patch.diff(document, after)
        assert patch.apply(change, document) == after
        assert patch.apply(patch.invert(change), after) == document
        document = after
