"""The SDKs of Segment and RudderStack for Node."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sdks import evening
from tests.sdks.doorman import Door

Node = Callable[..., str]
WAYS = [("segment", ""), ("rudder", ""), ("rudder", "gzip")]


@pytest.mark.parametrize(("which", "word"), WAYS)
def test_an_evening_arrives_with_only_the_host_changed(which: str, word: str, key: str, door: Door, node: Node) -> None:
    assert "told" in node("speak.mjs", which, door.url, key, word)
    evening.elena()
    assert set(door.answers) == {200}
    assert {each.get("content-encoding") for each in door.seen} == {"gzip" if word else None}


@pytest.mark.parametrize("which", ["segment", "rudder"])
def test_what_is_refused_for_a_while_or_answered_in_vain_arrives_once(
    which: str, secret: str, door: Door, node: Node
) -> None:
    door.refusals, door.lost = [503, 429], 1
    node("speak.mjs", which, door.url, secret)
    assert door.refusals == []
    assert len(door.answers) >= 2
    evening.elena()
