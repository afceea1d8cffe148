"""Dario, who connects the shop, sees what became of an event: whose it is, what it started, and why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import audience, lifecycle, trace_words, tracing
from campaigns.models import Campaign
from crm import capture, clock, publicids
from crm.models import Contact, RequestLog, Segment
from crm.rights import restriction
from crm.segments import chores
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
VIEWED = {"entry": [{"type": "event", "event": "Product Viewed", "reentry": "after_exit"}]}
RULE = {"all": [{"event": "Product Viewed", "did": True}]}


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()


def told(who: dict[str, str], name: str, event_id: str | None = None, **properties: Any) -> int:
    """Through the one door in, as REST brings it."""
    event = {"name": name, "properties": properties, "channel": "web", "source": "shop"}
    if event_id:
        event["event_id"] = event_id
    [received] = capture.receive([capture.Arrival(who, events=[event])], now=clock.now())
    assert not received.problems
    number = received.event_ids[0]
    assert number
    return number


def of(number: int) -> trace_words.Trace:
    found = trace_words.trace(number, clock.now())
    assert found
    return found


def verdicts(number: int) -> dict[str, str]:
    return {line.name: line.reason for line in of(number).campaigns}


def reach(contact: Contact) -> dict[str, str]:
    return {"email": contact.identifiers.get(kind="email").value}


# --- which campaigns it started, and why not -------------------------------------------------------


def test_a_product_added_begins_the_quiet_of_the_cart_and_the_run_after_it() -> None:
    elena = cast.person()
    campaign = cast.publish(cast.mail(), **cast.CART)
    cast.later(minutes=1)
    added = told(reach(elena), "Product Added", cart_id="c1", sku="boot", price=120, currency="EUR")
    assert of(added).state == "pending"
    assert verdicts(added) == {"Test": "not_yet"}
    cast.react()
    found = of(added)
    assert (found.state, found.changes[0].kind, found.changes[0].id) == ("done", "cart", "c1")
    [line] = found.campaigns
    in_an_hour = found.known.event.occurred_at + timedelta(hours=1)
    assert (line.verdict, line.reason, line.until) == ("waiting", "waits_for_quiet", in_an_hour)
    cast.later(hours=1, minutes=1)
    cast.work()
    found = of(added)
    run = cast.only_run(campaign)
    assert [(line.verdict, line.reason, line.run) for line in found.campaigns] == [("started", "started", run.pk)]
    assert [(sent.message.run_id, sent.message.state) for sent in found.messages] == [(run.pk, "due")]


def test_a_second_product_begins_the_waiting_anew_and_the_first_event_says_by_which() -> None:
    elena = reach(cast.person())
    cast.publish(cast.mail(), **cast.CART)
    cast.later(minutes=1)
    first = told(elena, "Product Added", cart_id="c1", sku="boot", price=120)
    cast.react()
    cast.later(minutes=10)
    other = told(elena, "Product Added", cart_id="c2", sku="cap", price=12)
    cast.later(minutes=10)
    second = told(elena, "Product Added", cart_id="c1", sku="sock", price=12)
    cast.react()
    [line] = of(first).campaigns
    assert (line.reason, line.by) == ("restarted", second + 1)  # the whole cart, told beside the second
    assert verdicts(other) == {"Test": "waits_for_quiet"}
    assert verdicts(second) == {"Test": "waits_for_quiet"}


def test_a_purchase_while_it_waits_is_named_as_what_ended_it() -> None:
    elena = reach(cast.person())
    cast.publish(cast.mail(), **cast.CART)
    cast.later(minutes=1)
    added = told(elena, "Product Added", cart_id="c1", sku="boot", price=120)
    cast.react()
    cast.later(minutes=10)
    bought = told(elena, "Order Completed", order_id="A-1", cart_id="c1", total=120, currency="EUR")
    cast.react()
    [line] = of(added).campaigns
    assert (line.verdict, line.reason, line.by) == ("not_started", "exit_met", bought)
    assert [(each.kind, each.id) for each in of(bought).changes][:2] == [("cart", "c1"), ("order", "A-1")]


def test_each_reason_why_an_event_started_nothing_is_named() -> None:
    elena = cast.person()
    who = reach(elena)
    before = told(who, "Product Viewed", sku="boot")
    cast.react()
    cast.later(minutes=1)
    running = {"entry": [{**VIEWED["entry"][0], "where": [{"f": "properties.sku", "op": "is", "v": "sock"}]}]}
    cast.publish(cast.wait(), **VIEWED, name="Looked")
    cast.publish(cast.wait(), **running, name="Filtered")
    lifecycle.create(cast.document(cast.wait(), **VIEWED, name="Draft"), actor=cast.ADA, now=clock.now())
    over = cast.publish(cast.wait(), **VIEWED, name="Over")
    lifecycle.stop(Campaign.objects.get(pk=over.pk), actor=cast.ADA, now=clock.now())
    paused = cast.publish(cast.wait(), **VIEWED, name="Paused")
    lifecycle.pause(Campaign.objects.get(pk=paused.pk), actor=cast.ADA, now=clock.now())
    cast.publish(cast.wait(), **VIEWED, name="Spaniards", eligibility={"f": "contact.country", "op": "is", "v": "ES"})
    assert set(verdicts(before).values()) == {"not_published"}
    cast.later(minutes=1)
    viewed = told(who, "Product Viewed", sku="boot")
    cast.react()
    assert verdicts(viewed) == {
        "Looked": "started", "Filtered": "filter", "Draft": "not_published", "Over": "ended", "Paused": "paused",
        "Spaniards": "eligibility",
    }  # fmt: skip
    again = told(who, "Product Viewed", sku="boot")
    old = cast.happen(elena, "Product Viewed", occurred_at=clock.now() - timedelta(days=3))
    historic = cast.happen(elena, "Product Viewed", historic=True)
    cast.react()
    assert verdicts(again)["Looked"] == "already_inside"
    assert verdicts(old)["Looked"] == "too_old"
    assert verdicts(historic)["Looked"] == "historic"
    restriction.restrict(elena.pk, why="accuracy", actor=cast.ADA, now=clock.now())
    kept = cast.happen(elena, "Product Viewed")
    cast.react()
    assert verdicts(kept)["Looked"] == "restricted"
    assert set(verdicts(kept).values()) <= {*tracing.OWN, "paused", "restricted"}


def test_after_ninety_days_why_not_is_counted_and_no_longer_told() -> None:
    cast.publish(cast.wait(), **VIEWED, name="Spaniards", eligibility={"f": "contact.country", "op": "is", "v": "ES"})
    viewed = told(reach(cast.person()), "Product Viewed")
    cast.react()
    assert verdicts(viewed) == {"Spaniards": "eligibility"}
    now = cast.later(days=91)
    assert audience.fold(now) == 1
    assert verdicts(viewed) == {"Spaniards": "not_kept"}


def test_who_is_held_out_is_said_to_be_started_and_held_out() -> None:
    who = reach(cast.person())
    cast.publish(cast.mail(), **VIEWED, holdout_pct=50, name="Half")
    found = set()
    for contact in cast.people(20):
        viewed = cast.happen(contact, "Product Viewed")
        cast.react()
        found |= {(line.verdict, line.reason) for line in of(viewed).campaigns}
    assert found == {("started", "started"), ("started", "held_out")}
    assert who


def test_a_segment_somebody_came_into_by_it_starts_the_campaign_that_looks_out_for_it() -> None:
    elena = cast.person()
    segment = Segment.objects.create(name="Lookers", rule=RULE, mentions=["event:Product Viewed"])
    while chores.work():
        pass
    seg = publicids.encode("seg", segment.pk)
    cast.publish(cast.mail(), entry=[{"type": "segment", "segment": seg, "mode": "joins"}], name="Welcome")
    cast.later(minutes=1)
    viewed = told(reach(elena), "Product Viewed", sku="boot")
    cast.work()
    found = of(viewed)
    assert [(change.joined, name) for change, name in found.segments] == [(True, "Lookers")]
    assert [(line.name, line.reason, line.segment_name) for line in found.campaigns] == [
        ("Welcome", "started", "Lookers")
    ]
    assert len(found.messages) == 1


# --- what it did to runs under way ------------------------------------------------------------------


def test_a_purchase_ends_the_run_as_its_goal_and_a_visit_wakes_the_one_that_waited_for_it() -> None:
    elena = cast.person()
    bought = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END, name="Until bought")
    waits = cast.publish(cast.wait_for("Product Viewed"), name="Waits")
    first, second = cast.enter(bought, elena), cast.enter(waits, elena)
    cast.work()
    cast.later(minutes=5)
    order = cast.order(elena, "boot")
    viewed = cast.happen(elena, "Product Viewed")
    cast.react()
    assert [(each.run, each.what, each.outcome_code) for each in of(order).runs] == [(first, "ended", "converted")]
    assert [(each.run, each.what, each.step_id) for each in of(viewed).runs] == [(second, "woken", "w1")]
    cast.work()
    assert [(each.run, each.what) for each in of(viewed).runs] == [(second, "woken")]


def test_an_event_that_failed_says_that_it_waits_for_a_person() -> None:
    from crm.models import Reaction

    cast.publish(cast.wait(), **VIEWED, name="Looked")
    viewed = told(reach(cast.person()), "Product Viewed")
    Reaction.objects.filter(event=viewed).update(parked=True, error="KeyError: 'sku'")
    found = of(viewed)
    assert (found.state, found.known.error) == ("failed", "KeyError: 'sku'")
    assert verdicts(viewed) == {"Looked": "failed"}


# --- whose it is -------------------------------------------------------------------------------------


def test_it_says_by_what_somebody_was_known_and_shows_no_address() -> None:
    new = told({"email": "marta@example.com"}, "Product Viewed")
    for number in range(60):  # a busy shop: others look at the same moment
        RequestLog.objects.create(
            request_id=f"o{number}", method="POST", path="/api/v1/events/", status=202, ms=3, actor="key:1",
            body='{"contact": {"card": "1"}, "name": "Product Viewed"}', answer='{"id": "evt_other"}',
        )  # fmt: skip
    answer = f'{{"id": "{publicids.encode("evt", new)}"}}'
    RequestLog.objects.create(
        request_id="r1", answer=answer, method="POST", path="/api/v1/events/", status=202, ms=3, actor="key:1",
        body='{"contact": {"email": "Marta@Example.com"}, "name": "Product Viewed"}',
    )  # fmt: skip
    found = of(new)
    assert found.created
    assert found.origin
    assert (found.origin.kind, found.origin.hint) == ("email", "m…@example.com")
    again = told({"email": "marta@example.com"}, "Product Viewed")
    assert not of(again).created or of(again).known.event.recorded_at == found.known.event.recorded_at
    dario = office.at_work("developer", "Dario")
    page = dario.get(reverse("campaigns:trace-event", args=[new])).content.decode()
    assert "marta@example.com" not in page.lower()
    assert "m…@example.com" in page


def test_a_batch_and_an_sdk_name_people_too() -> None:
    from campaigns import trace_origin

    known = {("external_id", "u1"): True, ("email", "a@b.example"): True}
    batch = {"events": [{"contact": {"email": "x@y.example"}, "name": "Seen"},
                        {"contact": {"email": "A@B.example"}, "name": "Seen"}]}  # fmt: skip
    sdk = {"batch": [{"type": "track", "event": "Seen", "userId": "u1", "anonymousId": "zz"}]}
    order = {"order_id": "A-1", "contact": {"id": publicids.encode("ctc", 7)}}
    read = trace_origin.read
    assert read([(1, batch)], "Seen", {}, 7, known, "ES") == ("email", "a…@b.example", 1)
    assert read([(1, None), (2, sdk)], "Seen", {}, 7, known, "ES") == ("external_id", "u…", 2)
    assert read([(3, order)], "Order Completed", {"order_id": "A-1"}, 7, known, "ES") == ("id", "", 3)
    assert read([(3, order)], "Order Completed", {"order_id": "A-2"}, 7, known, "ES") is None


# --- the pages ---------------------------------------------------------------------------------------


def test_dario_finds_an_event_by_its_id_by_his_own_id_and_among_the_newest() -> None:
    viewed = told(reach(cast.person()), "Product Viewed", event_id="web-1")
    dario = office.at_work("developer", "Dario")
    here = reverse("campaigns:trace-event", args=[viewed])
    assert here in dario.get(reverse("campaigns:trace")).content.decode()
    told(reach(cast.person("Marta")), "Product Viewed", event_id="page:web-3")
    assert dario.get(reverse("campaigns:trace"), {"event": "web-3"}).status_code == 302
    for asked in ("web-1", publicids.encode("evt", viewed)):
        assert dario.get(reverse("campaigns:trace"), {"event": asked}).headers["Location"] == here
    lost = dario.get(reverse("campaigns:trace"), {"event": "web-2"})
    assert lost.status_code == 422
    assert "No event has this id" in lost.content.decode()
    assert dario.get(reverse("campaigns:trace-event", args=[viewed + 9_999])).status_code == 404


def test_the_timeline_leads_whoever_looks_after_the_connection_to_the_trace() -> None:
    elena = cast.person()
    viewed = told(reach(elena), "Product Viewed")
    here, timeline = reverse("campaigns:trace-event", args=[viewed]), reverse("crm:contact-timeline", args=[elena.pk])
    assert here in office.at_work("developer", "Dario").get(timeline).content.decode()
    assert here not in office.at_work("marketer").get(timeline).content.decode()


def test_while_nothing_was_worked_on_the_page_says_so_and_asks_again() -> None:
    cast.publish(cast.wait(), **VIEWED, name="Looked")
    viewed = told(reach(cast.person()), "Product Viewed")
    dario = office.at_work("developer", "Dario")
    here = reverse("campaigns:trace-event", args=[viewed])
    waiting = dario.get(here).content.decode()
    assert "Not worked on yet" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    cast.react()
    done = dario.get(here, headers={"HX-Request": "true"}).content.decode()
    assert "every 2s" not in done
    assert "Started" in done
    assert "<html" not in done


def test_a_trace_is_for_whoever_looks_after_the_connection() -> None:
    viewed = told(reach(cast.person()), "Product Viewed")
    here = reverse("campaigns:trace-event", args=[viewed])
    assert Client().get(here).status_code == 302
    assert office.at_work("marketer").get(here).status_code == 403
    assert office.at_work("admin", "Olga").get(here).status_code == 200


def test_it_asks_the_same_number_of_questions_however_much_happened() -> None:
    quiet, busy = cast.person("Elena"), cast.person("Marta")
    campaign = cast.publish(cast.mail(), **VIEWED, name="Looked")
    little = cast.happen(quiet, "Product Viewed")
    cast.work()
    counted = []
    with CaptureQueriesContext(connection) as seen:
        of(little)
    counted.append(len(seen))
    for number in range(8):
        cast.publish(cast.mail(), cast.wait_for("Product Viewed"), **VIEWED, name=f"Looked {number}")
    for _ in range(12):
        last = cast.happen(busy, "Product Viewed")
    cast.work()
    first = cast.happen(busy, "Product Viewed")
    cast.work()
    for event in (last, first):
        of(event)  # plans that this process has not met yet
        with CaptureQueriesContext(connection) as seen:
            of(event)
        counted.append(len(seen))
    assert max(counted) <= min(counted) + 1  # a plan that is new here
    assert max(counted) <= 20
    assert campaign
