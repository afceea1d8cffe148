"""Rules about campaigns and messages (what they mean is held by the oracle): they follow what happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.models import Conversion, Enrolment
from crm import clock, timeline
from crm.models import Contact, Segment
from crm.publicids import encode
from crm.segments import audience, chores, edit, live, parse, upkeep
from crm.timeline import NewFact

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 28, 12, tzinfo=UTC)
CART = 41  # a campaign's id: rules ask about its runs, whatever it is


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    live.forget()
    clock.set_to(START)
    yield
    clock._shift = timedelta(0)


def segment(rule: Any) -> Segment:
    return edit.create("Some", rule, actor="user:ada", now=clock.now())


def members(row: Segment) -> set[int]:
    return set(audience.members(row.pk).values_list("contact_id", flat=True))


def later() -> None:
    clock.advance(timedelta(minutes=1))
    chores.work()


def test_segments_follow_runs_in_and_out_of_a_campaign() -> None:
    chiara = Contact.objects.create().pk
    campaign = encode("cmp", CART)
    inside, ever = segment({"campaign": campaign, "state": "in"}), segment({"campaign": campaign, "state": "was_in"})
    waits = segment({"campaign": campaign, "state": "at", "step": "w2"})
    bought = segment({"campaign": campaign, "state": "converted"})
    run = Enrolment.objects.create(
        campaign_id=CART,
        version_id=1,
        contact_id=chiara,
        entry_occurred_at=clock.now(),
        entered_at=clock.now(),
        due_at=clock.now(),
    )
    later()
    assert (members(inside), members(ever), members(waits), members(bought)) == ({chiara}, {chiara}, set(), set())
    Enrolment.objects.filter(pk=run.pk).update(state="waiting", step="w2", rested_at=clock.now())
    later()
    assert members(waits) == {chiara}
    Enrolment.objects.filter(pk=run.pk).update(state="done", outcome="converted", due_at=None, ended_at=clock.now())
    Conversion.objects.create(run=run, campaign_id=CART, contact_id=chiara, at=clock.now(), held_out=False)
    later()
    assert (members(inside), members(ever), members(waits), members(bought)) == (set(), {chiara}, set(), {chiara})
    assert all(upkeep.drift(row, clock.now()) == [] for row in (inside, ever, waits, bought))


def test_a_click_brings_her_in_and_two_weeks_take_her_out() -> None:
    chiara = Contact.objects.create().pk
    clicked = segment(
        {
            "message": {"campaign": CART, "channel": "email"},
            "did": "clicked",
            "in_last": {"value": 14, "unit": "days"},
        }
    )
    for campaign, channel in ((CART, "sms"), (CART + 1, "email"), (CART, "email")):
        assert members(clicked) == set()
        fact = NewFact(chiara, "Message Clicked", {"channel": channel}, clock.now(), campaign_ref=campaign)
        timeline.record([fact], now=clock.now())
        timeline.drain()
    assert members(clicked) == {chiara}
    clock.advance(timedelta(days=14))
    chores.work()
    assert members(clicked) == set()


def test_not_written_to_for_a_week_is_none_of_the_messages_sent() -> None:
    chiara, dario = Contact.objects.create().pk, Contact.objects.create().pk
    timeline.record([NewFact(chiara, "Message Sent", {"channel": "sms"}, clock.now(), campaign_ref=3)], now=clock.now())
    rule = parse.parse({"none": [{"message": {}, "did": "sent", "in_last": {"value": 1, "unit": "weeks"}}]})
    assert audience.answers([rule], [chiara, dario], clock.now()) == {chiara: (False,), dario: (True,)}


def test_what_it_says_and_what_was_seen_is_explained() -> None:
    chiara = Contact.objects.create().pk
    Enrolment.objects.create(
        campaign_id=CART,
        version_id=1,
        contact_id=chiara,
        step="e1",
        entry_occurred_at=START,
        entered_at=START,
        due_at=START,
    )
    (clause,) = audience.explain(parse.parse({"campaign": CART, "state": "at", "step": "w2"}), chiara, START).clauses
    assert clause.sentence == f"is at step w2 of campaign {encode('cmp', CART)}"
    assert (clause.matches, clause.seen, clause.needed) == (
        False,
        {"runs": 1, "active": 1, "step": "e1"},
        {"state": "at", "step": "w2"},
    )
