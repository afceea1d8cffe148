"""Whatever is sent as a journey, the answer is a plan or a list of problems."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import journey
from campaigns.paper import specimens
from campaigns.rings import rings
from crm.errors import Problems

words = st.sampled_from(
    [
        "id",
        "type",
        "config",
        "lanes",
        "label",
        "steps",
        "when",
        "entry",
        "goal",
        "exit",
        "event",
        "goto",
        "step",
        "split.rule",
        "split.random",
        "wait.event",
        "wait.duration",
        "holdout",
        "send.email",
        "branches",
        "timeout",
        "value",
        "unit",
        "days",
        "key",
        "properties.x",
        "else",
        "e1",
        "w2",
        "weight",
        "pct",
        "reentry",
        "after",
        "where",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(anything)
def test_anything_at_all_is_answered_with_problems(document: Any) -> None:
    problems, _ = journey.check(document)
    assert problems
    assert all(one.pointer == "" or one.pointer.startswith("/") for one in problems)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), anything, st.data())
def test_a_good_document_with_one_part_replaced_raises_only_problems(seed: int, junk: Any, data: st.DataObject) -> None:
    document = specimens.journey(Random(seed))
    here: Any = document
    while True:
        key = data.draw(st.sampled_from(list(here) if isinstance(here, dict) else list(range(len(here)))))
        if not isinstance(here[key], (dict, list)) or not here[key] or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = junk
    problems, _ = journey.check(document)
    if problems:
        with pytest.raises(Problems):
            journey.compile(document)
    else:
        journey.compile(document)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16))
def test_a_cycle_is_where_each_reaches_the_other(edges: list[tuple[int, int]]) -> None:
    graph = {str(name): {str(to) for here, to in edges if here == name} for name in range(8)}
    reach = {name: set(targets) for name, targets in graph.items()}
    for _ in graph:
        for name in graph:
            reach[name] |= {far for to in reach[name] for far in reach[to]}
    found = rings(graph, lambda name: graph[name])
    assert set(found) == {name for name in graph if name in reach[name]}
    for one in found:
        for other in found:
            assert (found[one] == found[other]) == (other in reach[one] and one in reach[other])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_a_valid_journey_compiles_alike_each_time_and_leaves_the_document_alone(seed: int) -> None:
    document = specimens.journey(Random(seed))
    before = deepcopy(document)
    first, filled = journey.compile(document), journey.compile(journey.fill(document))
    assert document == before
    assert {name: one.next for name, one in first.instructions.items()} == {
        name: one.next for name, one in filled.instructions.items()
    }
