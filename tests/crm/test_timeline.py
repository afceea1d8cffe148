"""Facts are told once, and answered by everybody in the order told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

from crm import partitions, registry, timeline
from crm.models import Event, EventKey, Reaction
from crm.timeline import Fact, NewFact

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[Fact]]]:
    """The only reactor is this ear."""
    batches: list[list[Fact]] = []
    monkeypatch.setattr(registry.reactors, "_items", {})
    registry.reactors.add("ear", batches.append)
    return batches


def test_facts_are_answered_in_the_order_told_whatever_their_shard(now: datetime, heard: list[list[Fact]]) -> None:
    ids = timeline.record([NewFact(contact, "Page Viewed", {"n": contact}) for contact in (33, 2, 17, 5)], now=now)
    assert timeline.pending() == 4
    assert timeline.drain() == 4
    assert [[fact.id for fact in batch] for batch in heard] == [ids]
    assert heard[0][0] == Fact(ids[0] or 0, 33, "Page Viewed", {"n": 33}, now, now, "", "", None, False)
    assert (timeline.pending(), timeline.drain()) == (0, 0)


def test_the_same_event_id_is_told_once(now: datetime) -> None:
    told = timeline.record([NewFact(1, "A", event_id="x"), NewFact(1, "B"), NewFact(2, "C", event_id="x")], now=now)
    assert told[0]
    assert told[1]
    assert told[2] is None
    assert timeline.record([NewFact(1, "A", event_id="x", occurred_at=now - timedelta(days=40))], now=now) == [None]
    assert EventKey.objects.get(event_id="x").event == told[0]
    assert (Event.objects.count(), Reaction.objects.count()) == (2, 2)


def test_cdnow_is_as_welcome_as_today(now: datetime, heard: list[list[Fact]]) -> None:
    long_ago = datetime(1997, 1, 1, tzinfo=UTC)
    timeline.record([NewFact(1, "Order Completed", occurred_at=long_ago, historic=True), NewFact(1, "X")], now=now)
    timeline.drain()
    assert [(fact.occurred_at, fact.historic) for fact in heard[0]] == [(long_ago, True), (now, False)]


def test_one_poisonous_event_is_parked_and_the_others_are_answered(now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(registry.reactors, "_items", {})
    answered: list[int] = []

    def react(facts: list[Fact]) -> None:
        with connection.cursor() as cursor:  # what a reactor wrote before it failed must be undone
            cursor.execute(
                "INSERT INTO crm_dirty (contact, mention) SELECT unnest(%s::bigint[]), 't'",
                [[fact.contact_id for fact in facts]],
            )
        if any(fact.properties.get("poison") for fact in facts):
            raise ZeroDivisionError("poison\0 seven")
        answered.extend(fact.id for fact in facts)

    registry.reactors.add("picky", react)
    ids = timeline.record([NewFact(n, "X", {"poison": n == 7}) for n in range(13)], now=now)
    assert timeline.drain() == 13
    assert answered == [event for n, event in enumerate(ids) if n != 7]
    ((event, error),) = timeline.parked()
    assert event == ids[7]
    assert error == "ZeroDivisionError: poison seven"
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(contact ORDER BY contact) FROM crm_dirty")
        assert cursor.fetchone()[0] == [n for n in range(13) if n != 7]
    assert (timeline.pending(), timeline.drain()) == (0, 0)
    assert timeline.unpark([event]) == 1
    assert timeline.pending() == 1


def test_every_reactor_answers_before_an_event_leaves_the_queue(now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(registry.reactors, "_items", {})
    order: list[str] = []
    registry.reactors.add("stages", lambda facts: order.append("stages"), order=30)
    registry.reactors.add("segments", lambda facts: order.append("segments"), order=10)
    registry.reactors.add("campaigns", lambda facts: order.append("campaigns"), order=20)
    timeline.record([NewFact(1, "X")], now=now)
    timeline.drain()
    assert order == ["segments", "campaigns", "stages"]


@pytest.mark.django_db(transaction=True)
def test_a_turn_the_database_breaks_off_is_taken_again_and_then_the_culprit_is_found(
    now: datetime, monkeypatch: Any
) -> None:
    partitions.forget()
    monkeypatch.setattr(registry.reactors, "_items", {})

    def react(facts: list[Fact]) -> None:
        if any(fact.properties.get("slow") for fact in facts):
            raise OperationalError("canceling statement due to statement timeout")

    registry.reactors.add("slow", react)
    ids = timeline.record([NewFact(1, "X"), NewFact(1, "Y", {"slow": True}), NewFact(2, "Z")], now=now)
    for _ in range(timeline.PATIENCE):
        with pytest.raises(OperationalError):
            timeline.drain()
        assert timeline.pending() == 3
    assert timeline.drain() == 3
    assert [event for event, _ in timeline.parked()] == [ids[1]]


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_somebody_drains_is_left_to_them(now: datetime, heard: list[list[Fact]]) -> None:
    partitions.forget()
    timeline.record([NewFact(3, "X"), NewFact(4, "Y")], now=now)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [partitions.LOCK_SHARD + 3])
        assert timeline.drain() == 1
        assert [fact.name for fact in heard[0]] == ["Y"]
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [partitions.LOCK_SHARD + 3])
    finally:
        other.close()
    assert timeline.drain() == 1


def test_a_thousand_facts_are_a_few_statements(now: datetime, heard: Any, django_assert_num_queries: Any) -> None:
    timeline.record([NewFact(1, "X")], now=now)
    executed: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> CursorWrapper:
        executed.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        timeline.record([NewFact(n, "X", event_id=f"e{n}") for n in range(1000)], now=now)
        timeline.drain(2000)
    # record: the month and one statement; drain: shards, queue, events, done.
    assert sum("SAVEPOINT" not in sql for sql in executed) == 6
