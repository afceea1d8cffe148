"""Stages kept up from the timeline, with their history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import stages
from analytics.models import ContactStage, StageChange
from crm import capture, clock, registry, timeline, workspace
from crm.models import Event, Workspace
from crm.normalise import Trace
from crm.segments import audience, chores, edit, live
from crm.timeline import NewFact

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 27, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    live.forget()
    workspace.forget()
    clock.set_to(START)
    yield
    workspace.forget()
    clock._shift = timedelta(0)


def somebody(name: str, kind: str = "external_id") -> int:
    found = capture.receive([capture.Arrival([Trace(kind, name)])], now=clock.now())[0].contact_id
    assert found
    return found


def tell(contact: int, name: str, at: datetime | None = None, **more: Any) -> None:
    timeline.record([NewFact(contact, name, occurred_at=at or clock.now(), **more)], now=clock.now())
    while timeline.drain():
        pass


def history(contact: int) -> list[tuple[str, str, str]]:
    return list(StageChange.objects.filter(contact=contact).order_by("id").values_list("before", "after", "cause"))


def test_chiara_walks_down_the_funnel_and_her_history_says_why() -> None:
    chiara = somebody("chiara")
    tell(chiara, "Product Added")
    tell(chiara, "Order Completed")
    assert stages.of([chiara]) == {chiara: "first_purchase"}
    assert history(chiara) == [
        ("", "lead", "Contact Created"),
        ("lead", "considering", "Product Added"),
        ("considering", "first_purchase", "Order Completed"),
    ]
    told = (
        Event.objects.filter(contact=chiara, name="Stage Changed").order_by("id").values_list("properties", flat=True)
    )
    assert list(told) == [
        {"from": "lead", "to": "considering", "cause": "Product Added"},
        {"from": "considering", "to": "first_purchase", "cause": "Order Completed"},
    ]


def test_old_purchases_lead_on_and_what_is_told_of_them_is_old_too() -> None:
    chiara = somebody("chiara")
    bought = START - 100 * DAY
    tell(chiara, "Order Completed", bought, historic=True)
    tell(chiara, "Order Completed", bought + DAY, historic=True)
    assert stages.of([chiara]) == {chiara: "repeat"}
    told = Event.objects.filter(contact=chiara, name="Stage Changed")
    assert {event.historic for event in told} == {True}


def test_dario_who_falls_silent_has_lapsed_exactly_then() -> None:
    dario = somebody("dario")
    tell(dario, "Order Completed")
    bought = ContactStage.objects.get(contact=dario).quiet_at
    assert bought
    clock.advance(180 * DAY - timedelta(minutes=1))
    assert (stages.silent(clock.now()), stages.fall_silent(clock.now())) == (0, 0)
    clock.advance(timedelta(days=20))
    assert stages.silent(clock.now()) == 1
    assert registry.rounds.get("analytics.stages").work() == 1  # type: ignore[union-attr]
    assert stages.silent(clock.now()) == 0
    assert stages.of([dario]) == {dario: "lapsed"}
    change = StageChange.objects.get(contact=dario, after="lapsed")
    assert (change.at, change.cause, change.event) == (bought + 180 * DAY, "time", None)
    tell(dario, "Order Completed")
    assert stages.of([dario]) == {dario: "repeat"}


def test_a_requested_stage_is_a_fact_like_others() -> None:
    elena = somebody("elena")
    tell(elena, "Stage Requested", properties={"stage": "loyal", "forward_only": True})
    assert history(elena)[-1] == ("lead", "loyal", "Stage Requested")


def test_nobody_needs_a_fact_to_have_a_stage() -> None:
    visitor, chiara = somebody("a1", "anonymous_id"), somebody("chiara")
    ContactStage.objects.all().delete()
    assert stages.of([visitor, chiara]) == {visitor: "visitor", chiara: "lead"}
    assert registry.contact_fields.get("stage")([chiara]) == {chiara: "lead"}  # type: ignore[misc]


def test_two_profiles_of_one_person_have_one_stage() -> None:
    visitor, chiara = somebody("a1", "anonymous_id"), somebody("chiara")
    tell(visitor, "Order Completed")
    tell(chiara, "Order Completed")
    capture.receive([capture.Arrival([Trace("anonymous_id", "a1"), Trace("external_id", "chiara")])], now=clock.now())
    row = ContactStage.objects.get()
    assert (row.contact_id, row.stage, row.tally["Order Completed"]) == (chiara, "first_purchase", 2)
    tell(chiara, "Order Completed")
    assert stages.of([chiara]) == {chiara: "repeat"}


def test_the_segment_of_loyal_people_follows() -> None:
    chiara = somebody("chiara")
    buyers = edit.create("Buyers", {"stage": ["first_purchase", "repeat"]}, actor="user:ada", now=clock.now())
    tell(chiara, "Order Completed")
    chores.drain(clock.now())
    assert list(audience.members(buyers.pk).values_list("contact_id", flat=True)) == [chiara]
    clock.advance(200 * DAY)
    stages.fall_silent(clock.now())
    chores.drain(clock.now())
    assert not audience.members(buyers.pk).exists()


def test_a_ladder_of_ones_own_holds_and_a_broken_one_does_not_stop_the_shop() -> None:
    Workspace.objects.update_or_create(
        only=True, defaults={"stages": [{"stage": "cold"}, {"stage": "hot", "on": [{"event": "Store Visited"}]}]}
    )
    workspace.forget()
    chiara = somebody("chiara")
    tell(chiara, "Store Visited")
    assert stages.of([chiara]) == {chiara: "hot"}
    Workspace.objects.update(stages=[{"nonsense": 1}])
    workspace.forget()
    assert stages.ladder().names[0] == "visitor"


@pytest.mark.parametrize("many", [1, 40])
def test_the_number_of_queries_does_not_depend_on_how_many_people(many: int) -> None:
    contacts = [somebody(f"p{number}") for number in range(many)]
    while timeline.drain():
        pass
    now = clock.now()
    ids = timeline.record([NewFact(contact, "Order Completed", occurred_at=now) for contact in contacts], now=now)
    facts = [
        timeline.Fact(event or 0, contact, "Order Completed", {}, now, now, "", "", None, False)
        for event, contact in zip(ids, contacts, strict=True)
    ]
    with CaptureQueriesContext(connection) as queries:
        stages.follow(facts, now)
    # standings, identified, standings written, changes, dirty, and the timeline's own four
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 9
