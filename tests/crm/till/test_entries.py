"""What a till sends is done once, whatever the network does to it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import clock
from crm.models import Contact, TillEntry
from crm.till import desk, entries
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db
NAMES = ["Ana", "Bea", "Cleo", "Dora", "Eva"]


# What no till would send.
ODD_ONES: list[dict[str, Any]] = [
    {"kind": ["enrol"]}, {"kind": "fly"}, {"body": []}, {"pass": "x"}, {"pass": 7}, {"at": "yesterday"},
    {"body": {"given_name": "A" * 70_000}}, {"body": {"given_name": "A\x00", "phone": "611000009"}},
]  # fmt: skip


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
        behind = bruno.entry("served", {}, now)
        answers = entries.take(bruno.device, [sent, behind], now=now)
    finally:
        entries.kinds["enrol"] = whole
    assert [each["state"] for each in answers] == ["failed", "refused"], "those behind it do not wait for it"
    assert (Contact.objects.count(), TillEntry.objects.count()) == (0, 0)
    assert bruno.send(sent).json()["entries"][0]["state"] == "done"


def test_one_bad_entry_hurts_no_other(now: datetime) -> None:
    bruno = till()
    good, bad = bruno.entry("enrol", {"phone": "611000001"}, now), bruno.entry("enrol", {"phone": "x"}, now)
    not_even_one: Any = 7
    answers = bruno.send(bad, good, {"id": "short"}, not_even_one).json()["entries"]
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


def test_who_is_gone_by_now_is_still_told_what_was_done_in_time(now: datetime) -> None:
    """The answer was lost, the pass is over, the entry has grown old: it is not enrolled anew under another id."""
    bruno = till()
    sent = bruno.entry("enrol", {"phone": "611000001"}, now)
    bruno.send(sent)
    bruno.bruno.delete()
    answer = entries.take(bruno.device, [sent], now=now + timedelta(days=40))[0]
    assert (answer["state"], answer["again"]) == ("done", True)
    other = {**sent, "id": entries.new_key()}
    assert entries.take(bruno.device, [other], now=now)[0]["problems"][0]["code"] == "pass"


def test_what_no_till_sends_is_refused_and_breaks_nothing(now: datetime) -> None:
    bruno = till()
    good = bruno.entry("enrol", {"phone": "611000001"}, now)
    odd = [{**good, "id": entries.new_key(), **each} for each in ODD_ONES]
    answers = bruno.send(*odd, good).json()["entries"]
    assert [each["state"] for each in answers] == ["refused"] * len(odd) + ["done"]
    assert TillEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 400), ('{"entries": []}', 400), ('{"entries": [' + "[" * 2_000 + "]" * 2_000 + "]}", 400)],
    ids=["no JSON", "no entries", "none", "deeper than anybody writes"],
)
def test_a_body_that_is_none_is_said_to_be_so(body: str, status: int) -> None:
    bruno = till()
    answer = bruno.client.post("/store/entries/", body, content_type="application/json", headers={"X-Till": "1"})
    assert answer.status_code == status


def test_more_than_fifty_at_once_are_not_taken(now: datetime) -> None:
    bruno = till()
    assert bruno.send(*enrolments(bruno, now) * 11).status_code == 400
    assert not TillEntry.objects.exists()


def test_an_entry_costs_the_same_however_many_there_are(now: datetime) -> None:
    bruno = till()
    sent = enrolments(bruno, now)
    device = bruno.device
    entries.take(device, sent[:1], now=now)
    counted = []
    for few in (sent[1:2], sent[2:5]):
        with CaptureQueriesContext(connection) as seen:
            entries.take(device, few, now=now)
        counted.append(len(seen) / len(few))
    with CaptureQueriesContext(connection) as seen:
        entries.take(device, sent[:1], now=now)
    assert counted[0] == counted[1]
    assert len(seen) <= 5, "what was done before is looked up and told"


def test_a_till_that_was_revoked_brings_nothing_in(now: datetime) -> None:
    bruno = till()
    sent = bruno.entry("enrol", {"phone": "611000001"}, now)
    desk.revoke(bruno.device, actor="test")
    assert bruno.send(sent).status_code == 401
    assert not Contact.objects.exists()


def test_all_that_the_two_screens_need_is_kept_for_when_there_is_no_network() -> None:
    """Whatever their templates and modules name, as they name it."""
    import re
    from pathlib import Path

    from crm.views.till_worker import FILES

    pages = [Path(f"templates/store/{name}.html").read_text() for name in ("shell", "enrol", "purchase")]
    needed = {name for page in pages for name in re.findall(r"{% static '([^']+)' %}", page)}
    for name in [each for each in needed if each.startswith("js/till/")]:
        needed |= {f"js/till/{each}" for each in re.findall(r'from "\./([^"]+)"', Path(f"static/{name}").read_text())}
    assert needed - set(FILES) == set()
    worker = till().client.get("/store/sw.js")
    for name in ("queue", "store", "ulid"):
        assert f'/js/till/{name}.js"'.replace("/", "\\u002F") in worker.content.decode().replace("/", "\\u002F")


def test_what_is_nested_without_end_is_refused_and_not_tried_for_ever(now: datetime) -> None:
    bruno = till()
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    answer = bruno.send(bruno.entry("enrol", deep, now)).json()["entries"][0]
    assert (answer["state"], answer["problems"][0]["code"]) == ("refused", "too_deep")
