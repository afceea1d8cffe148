"""The short way in: it answers and stores what the general one would, in two statements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import clock, identity, partitions, timeline
from crm.api import events
from crm.fastlane import Answer
from crm.models import Contact, Event, Identifier
from crm.normalise import Trace
from tests.api.conftest import Speaker

ROWS = """
SELECT e.contact_id, e.name, e.properties::text, e.occurred_at, e.recorded_at, k.event_id, e.channel, e.source,
       e.session, e.campaign_ref, e.context::text, e.historic, r.contact, r.shard - e.contact_id % 16, r.occurred_at
FROM crm_event e LEFT JOIN crm_eventkey k ON k.event = e.id LEFT JOIN crm_reaction r ON r.event = e.id
WHERE e.name <> 'Contact Created' ORDER BY e.id
"""

words = st.sampled_from(
    ["", " ", "web", "Web", "shop 3", 'a"b\\c', "x" * 81, "x" * 121, "\x00", "\ud800", 5, None, [], True]
)
mostly = st.sampled_from(["Page Viewed", "Product Viewed", " Wished ", "Store Visited"])
contacts = st.one_of(
    st.sampled_from(
        [{"email": "ada@example.com"}, {"email": " ADA@example.com"}, {"phone": "+34600112233"},
         {"external_id": "dario"}, {"anonymous_id": "visitor"}, {"anonymous_id": "visitor"}]
    ),
    st.sampled_from(
        [{"email": "new@example.com"}, {"anonymous_id": "new"}, {"email": "nonsense"}, {"id": "ctc_1"}, {"id": "x"}, {},
         {"email": 5}, {"email": "ada@example.com", "phone": "1"}, {"shoe": "x"}, None, "ada@example.com"]
    ),
)  # fmt: skip
values = st.sampled_from(
    [1, -1, 2.5, "9.99", "abc", None, True, 'a\\"b,{}', "null", [], {}, [{"sku": "s", "price": 1}], {"a": [None]}]
)
properties = st.dictionaries(
    st.sampled_from(["sku", "price", "currency", "value", "cart_id", "order_id", "products", "note", "_raw"]),
    values,
    max_size=3,
)
instants = st.sampled_from(
    ["2026-03-01T10:00:00+02:00", "2026-03-01T10:00:00", "1989-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "",
     "yesterday", "2026-02-28T23:30:00-01:00", None, 5]
)  # fmt: skip
plain = st.fixed_dictionaries({"contact": contacts, "name": mostly}, optional={"properties": properties})
odd = st.fixed_dictionaries(
    {"contact": contacts, "name": st.one_of(mostly, words, st.sampled_from(["Product Added", "Order Completed"]))},
    optional={
        "properties": st.one_of(properties, words),
        "occurred_at": instants,
        "event_id": st.sampled_from(["e1", "e2", "e3", "old", "", "x" * 201, None, 5]),
        "channel": words,
        "source": words,
        "session": words,
        "context": st.sampled_from([{}, {"page": {"url": "/a"}}, {"utm": None}, {"ip": "1.1.1.1"}, None, 5]),
        "historic": st.sampled_from([True, False, None, "yes"]),
        "shoe": st.just(1),
    },
)  # fmt: skip
bodies = st.lists(st.one_of(plain, plain, odd, st.sampled_from([5, None, []])), min_size=1, max_size=8)


@pytest.fixture
def people(db: None) -> datetime:
    """Ada and Dario, who are known, and a visitor; one event id is taken."""
    now = clock.now()
    partitions.forget()
    drafts = [
        [Trace("email", "ada@example.com"), Trace("phone", "+34600112233")],
        [Trace("external_id", "dario")],
        [Trace("anonymous_id", "visitor")],
    ]
    made = identity.upsert([identity.Draft(traces) for traces in drafts], now=now)
    timeline.record([timeline.NewFact(made[0].contact_id or 0, "Page Viewed", event_id="old")], now=now)
    return now


Take = Callable[[Sequence[Any], str, datetime], list[Answer]]


def outcome(take: Take, batch: list[Any], now: datetime) -> tuple[list[Any], dict[Any, list[Any]]]:
    """The answers, and each contact's events in their order; people are called by what they are known by."""
    with transaction.atomic():
        answers = take(batch, "key:1", now)
        called: dict[int, Any] = {0: None}
        for contact, kind, value in Identifier.objects.order_by("kind", "value").values_list(
            "contact", "kind", "value"
        ):
            called.setdefault(contact, (kind, value))
        told: dict[Any, list[Any]] = {}
        with connection.cursor() as cursor:
            cursor.execute(ROWS)
            for contact, *rest, answered, shard, at in cursor.fetchall():
                told.setdefault(called[contact], []).append((*rest, answered == contact, shard, at))
        said = [(called[each.contact], each.event is None, list(each.problems)) for each in answers]
        transaction.set_rollback(True)
    partitions.forget()
    return said, told


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=bodies)
def test_both_ways_store_and_answer_the_same(people: datetime, batch: list[Any]) -> None:
    assert outcome(events.take, batch, people) == outcome(events.take_generally, batch, people)


def product_viewed(email: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    return {"contact": {"email": email}, "name": "Product Viewed", "properties": {"sku": "a", "price": 3}, **more}


def test_a_hundred_events_of_known_people_are_two_statements_beside_the_clock(
    people: datetime, shop: Speaker, django_assert_num_queries: Callable[..., Any]
) -> None:
    batch = {"events": [product_viewed(event_id=f"e{n % 90}") for n in range(100)]}
    assert shop.post("events/batch/", {"events": [product_viewed()]}).status_code == 200
    partitions._known.add(f"crm_event_{people:%Y_%m}")  # as after a commit, which no test has
    with django_assert_num_queries(4):  # the clock, the people, the events, the log; key and rate are remembered
        answer = shop.post("events/batch/", batch).json()
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (90, 10, [])
    with django_assert_num_queries(4):
        assert shop.post("events/", product_viewed()).status_code == 202


def test_one_new_person_in_a_batch_leaves_the_others_on_the_short_way(people: datetime) -> None:
    sent: list[Any] = []

    def general(bodies: Sequence[Any], actor: str, now: datetime) -> list[Answer]:
        sent.extend(bodies)
        return events.take_generally(bodies, actor, now)

    batch = [product_viewed(), product_viewed("elena@example.com"), {"contact": {"phone": "+34600112233"}, "name": "Y"},
             {"contact": {"external_id": "dario"}, "name": "X", "properties": {"cart_id": "c"}},
             {"contact": {"external_id": "dario"}, "name": "Z"}]  # fmt: skip
    answers = events.fastlane.receive(batch, lambda others: general(others, "key:1", people), now=people)
    assert sent == [batch[1], batch[3], batch[4]]
    assert all(answer.event and not answer.problems for answer in answers)
    assert answers[0].contact == answers[2].contact != answers[1].contact
    named = Event.objects.filter(contact=answers[3].contact).order_by("id").values_list("name", flat=True)
    assert list(named) == ["Contact Created", "X", "Z"]


@pytest.mark.django_db(transaction=True)
def test_a_visitors_page_is_not_lost_while_they_are_joined() -> None:
    """The interleaving itself: the join holds the visitor; the event waits, and then is the survivor's."""
    now, joined = clock.now(), threading.Event()
    partitions.forget()
    timeline.record([timeline.NewFact(1, "X")], now=now)
    elena = identity.upsert([identity.Draft([Trace("email", "elena@example.com")])], now=now)[0].contact_id or 0
    visitor = identity.upsert([identity.Draft([Trace("anonymous_id", "v")])], now=now)[0].contact_id or 0
    answers: list[Answer] = []

    def look() -> None:
        try:
            joined.wait(10)
            answers.extend(events.take([{"contact": {"anonymous_id": "v"}, "name": "Page Viewed"}], "key:1", now))
        finally:
            connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    with transaction.atomic(), connection.cursor() as cursor:
        identity.merge(elena, visitor, now=now)
        joined.set()
        for _ in range(100):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                break
            cursor.execute("SELECT pg_sleep(0.05)")
    thread.join(10)
    assert answers[0].contact == elena
    assert set(Event.objects.filter(name="Page Viewed").values_list("contact", flat=True)) == {elena}
    assert Contact.objects.get(pk=visitor).merged_into_id == elena


def test_an_hour_from_now_is_refused_on_either_way(people: datetime) -> None:
    late = product_viewed(occurred_at=(people + timedelta(hours=1)).isoformat())
    (answer,) = events.take([late], "key:1", people)
    assert [each.code for each in answer.problems] == ["not_credible"]
