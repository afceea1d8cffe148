"""Two of us at once, on two real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, connections, transaction

from crm import capture, consent, identity, partitions, timeline
from crm.capture import Arrival
from crm.models import Cart, ConsentReceipt, Contact, Event, Identifier
from crm.normalise import Trace
from tests.crm.people import come, email, phone, say

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs in threads that start together; their answers, or what they raised."""
    gate, answers = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(place: int, job: Callable[[], Any]) -> None:
        try:
            gate.wait(10)
            answers[place] = job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, job)) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    return answers


def test_two_receives_of_the_same_new_people_make_each_once(now: datetime) -> None:
    partitions.forget()
    batch = [
        Arrival(
            {"email": f"p{n}@example.com"},
            {"given_name": f"P{n}"},
            events=[{"name": "Page Viewed", "event_id": f"e{n}"}],
        )
        for n in range(40)
    ]
    first, second = at_once(lambda: capture.receive(batch, now=now), lambda: capture.receive(batch[::-1], now=now))
    assert [a.contact_id for a in first] == [a.contact_id for a in second[::-1]]
    assert Contact.objects.count() == Identifier.objects.count() == 40
    assert sum(a.created for a in first + second) == 40
    assert sum(a.duplicates for a in first + second) == 40
    assert Event.objects.filter(name="Page Viewed").count() == 40


def test_an_identifier_somebody_is_just_creating_is_waited_for(now: datetime) -> None:
    """The interleaving itself: B looks, A has not committed, B claims and must wait, then find A's contact."""
    partitions.forget()
    timeline.record([timeline.NewFact(1, "X")], now=now)
    made: list[int] = []
    holding, waiting = threading.Event(), threading.Event()

    def ada_comes() -> None:
        try:
            with transaction.atomic():
                made.append(come(now, email("ada@example.com")))
                holding.set()
                waiting.wait(0.5)
        finally:
            connections.close_all()

    thread = threading.Thread(target=ada_comes)
    thread.start()
    holding.wait(10)
    found = come(now, email("ada@example.com"))
    waiting.set()
    thread.join(10)
    assert [found] == made


def test_two_products_put_into_one_cart_at_once_are_both_in_it(now: datetime) -> None:
    partitions.forget()
    come(now, email("ada@example.com"))

    def put(sku: str) -> Callable[[], Any]:
        return lambda: capture.receive(
            [
                Arrival(
                    {"email": "ada@example.com"},
                    events=[
                        {
                            "name": "Product Added",
                            "occurred_at": now,
                            "properties": {"cart_id": "c1", "sku": sku, "price": 1},
                        }
                    ],
                )
            ],
            now=now,
        )

    at_once(*(put(f"S{n}") for n in range(4)))
    assert sorted(Cart.objects.get().skus) == ["S0", "S1", "S2", "S3"]
    assert sorted(
        len(each["lines"]) for each in Event.objects.filter(name="Cart Updated").values_list("properties", flat=True)
    ) == [1, 2, 3, 4]


def test_statements_of_one_person_at_once_make_one_whole_chain(now: datetime) -> None:
    partitions.forget()
    chiara = come(now, phone("+34600112233"))
    at_once(*(lambda: say(now, chiara, "granted") for _ in range(4)))
    assert list(ConsentReceipt.objects.order_by("chain_seq").values_list("chain_seq", flat=True)) == [1, 2, 3, 4]
    from crm import receipts

    assert receipts.broken() == []


def test_a_withdrawal_that_waited_for_a_hand_off_is_recorded_after_it(now: datetime) -> None:
    """Decision B5: the clock is read when the address is ours, not when the transaction began."""
    partitions.forget()
    chiara = come(now, phone("+34600112233"))
    say(now, chiara, "granted")
    locked, released = threading.Event(), []

    def hand_off() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT id FROM crm_address FOR UPDATE")
                locked.set()
                cursor.execute("SELECT pg_sleep(0.3)")
                cursor.execute("SELECT clock_timestamp()")
                released.append(cursor.fetchone()[0])
        finally:
            connections.close_all()

    thread = threading.Thread(target=hand_off)
    thread.start()
    locked.wait(10)
    recorded = say(now, chiara, "withdrawn")
    thread.join(10)
    assert recorded.recorded_at > released[0]
    assert isinstance(consent.allowed(chiara, "offers", "sms", now), consent.Deny)


def test_a_fact_of_a_visitor_who_is_being_joined_is_not_lost_on_the_loser(now: datetime) -> None:
    partitions.forget()
    elena = come(now, email("elena@example.com"))
    come(now, Trace("anonymous_id", "a1"))
    at_once(
        lambda: come(now, Trace("anonymous_id", "a1"), email("elena@example.com")),
        *(
            lambda: capture.receive([Arrival({"anonymous_id": "a1"}, events=[{"name": "Page Viewed"}])], now=now)
            for _ in range(3)
        ),
    )
    assert identity.find({"anonymous_id": "a1"}) == elena
    assert set(Event.objects.filter(name="Page Viewed").values_list("contact", flat=True)) == {elena}
