"""What a till sends is done once, whatever the network does to it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import clock
from crm.models import Contact, TillEntry
from crm.till import entries
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db
NAMES = ["Ana", "Bea", "Cleo", "Dora", "Eva"]


def enrolments(bruno: Till, now: datetime) -> list[dict[str, Any]]:
    return [
        bruno.entry("enrol", {"phone": f"61100000{place}", "given_name": name}, now) for place, name in enumerate(NAMES)
    ]


def test_a_queue_sent_five_times_loses_nobody_and_doubles_nobody(now: datetime) -> None:
    bruno = till()
    sent = enrolments(bruno, now)
    for turn in range(5):
        answers = bruno.send(*sent).json()["entries"]
        assert [each["state"] for each in answers] == ["done"] * 5
        assert [bool(each.get("again")) for each in answers] == [turn > 0] * 5
    assert sorted(Contact.objects.values_list("given_name", flat=True)) == NAMES
    assert TillEntry.objects.count() == 5


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=4))
def test_in_whatever_order_and_however_often_it_comes_it_is_the_same(now: datetime, turns: list[list[int]]) -> None:
    Contact.objects.all().delete()
    TillEntry.objects.all().delete()
    from crm.models import Identifier, Store

    Identifier.objects.all().delete()
    code = f"S{Store.objects.count()}"
    bruno = till(code)
    sent = enrolments(bruno, now)
    for turn in turns:
        bruno.send(*(sent[place] for place in turn))
    asked = {place for turn in turns for place in turn}
    assert sorted(Contact.objects.values_list("given_name", flat=True)) == sorted(NAMES[place] for place in asked)
    assert set(TillEntry.objects.values_list("key", flat=True)) == {sent[place]["id"] for place in asked}


@pytest.mark.django_db(transaction=True)
def test_the_same_from_two_connections_at_once_is_one() -> None:
    bruno = till()
    sent = bruno.entry("enrol", {"phone": "611000001", "given_name": "Ana"}, clock.now())
    told: list[dict[str, Any]] = []
    device = bruno.device

    def send() -> None:
        try:
            told.extend(entries.take(device, [sent], now=clock.now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each["state"] for each in told] == ["done"] * 4
    assert sum("again" not in each for each in told) == 1
    assert Contact.objects.count() == 1


def test_the_same_id_for_something_else_is_a_mistake(now: datetime) -> None:
    bruno = till()
    first = bruno.entry("enrol", {"phone": "611000001"}, now)
    bruno.send(first)
    answer = bruno.send({**first, "body": {"phone": "611000002"}}).json()["entries"][0]
    assert (answer["state"], answer["problems"][0]["code"]) == ("refused", "id_reused")
    other = till("BCN", "Barcelona")
    stolen = {**first, "pass": other.pass_}
    assert other.send(stolen).json()["entries"][0]["problems"][0]["code"] == "id_reused"


def test_a_handler_that_breaks_leaves_nothing_and_the_next_try_does_it(now: datetime) -> None:
    bruno = till()
    sent = bruno.entry("enrol", {"phone": "611000001"}, now)
    whole = entries.kinds["enrol"]

    def breaks(*told: Any) -> entries.Done:
        whole(*told)
        raise RuntimeError("the machine stops here")

    entries.kinds["enrol"] = breaks
    try:
        with pytest.raises(RuntimeError):
            entries.take(bruno.device, [sent], now=now)
    finally:
        entries.kinds["enrol"] = whole
    assert (Contact.objects.count(), TillEntry.objects.count()) == (0, 0)
    assert bruno.send(sent).json()["entries"][0]["state"] == "done"


def test_one_bad_entry_hurts_no_other(now: datetime) -> None:
    bruno = till()
    good, bad = bruno.entry("enrol", {"phone": "611000001"}, now), bruno.entry("enrol", {"phone": "x"}, now)
    answers = bruno.send(bad, good, {"id": "short"}, 7).json()["entries"]
    assert [each["state"] for each in answers] == ["refused", "done", "refused", "refused"]


def test_what_was_done_before_the_lock_is_taken_after_it(now: datetime) -> None:
    bruno = till()
    sent = bruno.entry("enrol", {"phone": "611000001"}, now)
    bruno.client.post("/store/lock/now/")
    assert bruno.send(sent).json()["entries"][0]["state"] == "done"
    assert TillEntry.objects.get().staff_id == bruno.bruno.user_id


def test_a_wrong_clock_and_a_very_late_entry(now: datetime) -> None:
    bruno = till()
    fast = bruno.entry("enrol", {"phone": "611000001"}, now + timedelta(days=2))
    assert bruno.send(fast).json()["entries"][0]["state"] == "done"
    assert TillEntry.objects.get().happened_at <= clock.now()
    late = bruno.entry("enrol", {"phone": "611000002"}, now - timedelta(days=31))
    assert bruno.send(late).json()["entries"][0]["problems"][0]["code"] == "too_old"


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"X-Till": "0"}], ids=["foreign origin", "no header of ours"]
)
def test_a_page_of_somebody_else_sends_nothing_in_the_tills_name(now: datetime, headers: dict[str, str]) -> None:
    bruno = till()
    answer = bruno.send(bruno.entry("enrol", {"phone": "611000001"}, now), **headers)
    assert answer.status_code == 403
    assert not Contact.objects.exists()
