"""However many receivers are asleep, whoever answers is told: how calls are shared out between endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.models import WebhookDelivery
from channels.webhooks import lanes, sending, telling
from tests.channels.listening import endpoint, send
from tests.channels.receiver import HANG, receiver

ENDPOINTS = st.integers(0, 90)
DUE = st.lists(st.tuples(ENDPOINTS, st.booleans()), max_size=90, unique_by=lambda each: each[0])
WELL = st.dictionaries(ENDPOINTS, st.booleans(), max_size=90)


@st.composite
def under_way(draw: st.DrawFn, well: dict[int, bool]) -> dict[int, int]:
    """Calls under way as they can have come about: through the same lanes."""
    busy: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 3))):
        for number, more in lanes.rooms(draw(DUE), well, busy).items():
            busy[number] = busy.get(number, 0) + draw(st.integers(0, more))
    return busy


@given(data=st.data(), due=DUE, well=WELL)
def test_no_lane_is_ever_wider_than_it_is(
    data: st.DataObject, due: list[tuple[int, bool]], well: dict[int, bool]
) -> None:
    busy = data.draw(under_way(well))
    found = lanes.rooms(due, well, busy)
    both = {number: busy.get(number, 0) + found.get(number, 0) for number in {*busy, *found}}
    assert sum(both.values()) <= lanes.THREADS
    assert all(count <= (lanes.OF_EACH if well.get(number) else 1) for number, count in both.items())
    assert sum(count for number, count in both.items() if not well.get(number)) <= lanes.SHARED
    assert set(found) <= {number for number, _ in due}


@given(data=st.data(), due=DUE, well=WELL)
def test_whoever_answers_gets_a_call_though_all_others_are_asleep(
    data: st.DataObject, due: list[tuple[int, bool]], well: dict[int, bool]
) -> None:
    doubtful = dict.fromkeys(range(100, 190), False)
    busy = lanes.rooms([(number, True) for number in doubtful], {**well, **doubtful}, {})
    assert sum(busy.values()) == lanes.SHARED
    found = lanes.rooms([*due, (200, False)], {**well, **doubtful, 200: True}, busy)
    others = sum(found.get(number, 0) for number, _ in due)
    assert found.get(200, 0) > 0 or others >= lanes.THREADS - lanes.SHARED


def test_those_of_whom_nothing_is_known_come_before_those_who_failed() -> None:
    ill = [(number, True) for number in range(lanes.SHARED)]
    assert lanes.rooms([*ill, (99, False)], {}, {})[99] == 1
    assert lanes.rooms([*ill, (99, False)], {99: True}, {}, proven_only=True) == {99: lanes.OF_EACH}


@pytest.fixture
def _own_host_is_trusted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(sending, "_well", {})
    monkeypatch.setattr(sending, "SECONDS", 1.0)


@pytest.mark.django_db
@pytest.mark.usefixtures("_own_host_is_trusted")
def test_ninety_receivers_that_are_asleep_hold_up_nobody() -> None:
    """Each has something waiting, and so has Dario, who answers."""
    with receiver(lambda number, call: HANG) as asleep, receiver() as dario:
        sleepers = [endpoint(asleep) for _ in range(90)]
        awake = endpoint(dario)
        for _ in range(3):
            for row in (*sleepers, awake):
                telling.test(row.pk)
        for _ in range(3):
            send()
        assert len(dario.got) == 3
        done = WebhookDelivery.objects.filter(endpoint=awake, state="done")
        assert done.count() == 3
