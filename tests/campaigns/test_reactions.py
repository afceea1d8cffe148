"""What people do changes what happens next: at once, and only where it is about them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle, vetoes
from campaigns.models import Conversion, Enrolment, Subscription
from channels.models import Message
from crm import clock, timeline
from crm.timeline import NewFact
from tests.campaigns import cast

pytestmark = pytest.mark.django_db

KEYED = {**cast.CART, "entry": [{"type": "manual", "reentry": "every_key"}, {**cast.CART["entry"][0]}]}


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.at_noon()


# --- exits -------------------------------------------------------------------------------------


def test_a_purchase_ends_a_wait_of_thirty_days_at_once() -> None:
    campaign, elena = cast.publish(cast.wait(value=30), **cast.BOUGHT_IS_THE_END), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.later(days=3)
    cast.order(elena, "boot")
    cast.react()
    row = cast.run(run)
    assert (row.state, row.outcome, row.due_at) == ("done", "converted", None)
    assert cast.way(run)[-1] == ("w1", "", "exit_rule")


def test_an_exit_that_is_not_the_goal_is_no_conversion() -> None:
    campaign, elena = cast.publish(cast.wait(), exit=[{"event": "Cart Emptied"}]), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.happen(elena, "Cart Emptied")
    cast.react()
    assert cast.run(run).outcome == "exited"
    assert not Conversion.objects.exists()


def test_the_message_that_is_on_its_way_is_called_back_in_the_same_moment() -> None:
    campaign, elena = cast.publish(cast.mail(), **cast.BOUGHT_IS_THE_END), cast.person()
    cast.enter(campaign, elena)
    cast.work()
    assert cast.messages(campaign) == [("due", "")]
    cast.order(elena)
    timeline.drain()
    assert cast.messages(campaign) == [("cancelled", "recalled")]
    assert cast.only_run(campaign).outcome == "converted"


def test_the_filter_of_an_exit_is_obeyed() -> None:
    big = {"event": "Order Completed", "where": [{"f": "properties.total.amount", "op": ">", "v": 100}]}
    campaign, elena = cast.publish(cast.wait(), exit=[big]), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.order(elena, amount="20.00")
    cast.react()
    assert cast.run(run).state == "waiting"
    cast.order(elena, amount="200.00")
    cast.react()
    assert cast.run(run).outcome == "exited"


def test_what_happened_before_the_entry_ends_nothing() -> None:
    campaign, elena = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.order(elena, occurred_at=clock.now() - timedelta(hours=1))
    cast.react()
    assert cast.run(run).state == "waiting"


def test_a_historic_purchase_still_ends_a_run() -> None:
    campaign, elena = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.later(days=1)
    cast.order(elena, historic=True)
    cast.react()
    assert cast.run(run).outcome == "converted"


def test_a_paused_campaign_is_left_by_those_who_buy() -> None:
    campaign, elena = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    lifecycle.pause(campaign, actor=cast.ADA, now=clock.now())
    cast.work()
    assert cast.run(run).state == "held"
    cast.order(elena)
    cast.react()
    assert cast.run(run).outcome == "converted"


def test_somebody_elses_purchase_is_none_of_her_business() -> None:
    campaign, elena, dario = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END), cast.person(), cast.person("Dario")
    run = cast.enter(campaign, elena)
    cast.work()
    cast.order(dario)
    cast.react()
    assert cast.run(run).state == "waiting"


@pytest.mark.parametrize(
    ("skus", "key", "ended"),
    [(["boot"], None, {"c1"}), (["hat"], None, {"c1", "c2"}), (["boot"], "c2", {"c2"}), (["boot"], "c9", set())],
    ids=["till, a product of one cart", "till, of none", "web, with its cart", "web, another cart"],
)
def test_two_carts_of_one_person_stay_apart(skus: list[str], key: str | None, ended: set[str]) -> None:
    campaign, elena = cast.publish(cast.wait(), **KEYED), cast.person()
    cast.enter(campaign, elena, "c1", lines=[{"sku": "boot"}])
    cast.enter(campaign, elena, "c2", lines=[{"sku": "sock"}])
    cast.work()
    cast.later(minutes=5)
    cast.order(elena, *skus, **({"cart_id": key} if key else {}))
    cast.react()
    assert set(Enrolment.objects.filter(state="done").values_list("key", flat=True)) == ended
    assert set(Conversion.objects.values_list("run__key", flat=True)) == ended


# --- goals ---------------------------------------------------------------------------------------


def test_a_goal_counts_after_the_run_has_ended_within_its_window_and_once() -> None:
    goal = cast.BOUGHT_IS_THE_END["goal"]
    campaign, elena = cast.publish(cast.leave("x1", "completed"), goal=goal), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    assert cast.run(run).outcome == "completed"
    cast.later(days=6)
    event = cast.order(elena, amount="99.90")
    cast.order(elena, amount="1.00")
    cast.react()
    [row] = Conversion.objects.all()
    assert (row.run_id, row.event) == (run, event)
    assert (row.value, row.currency, row.held_out) == (Decimal("99.90"), "EUR", False)


def test_a_goal_after_its_window_does_not_count() -> None:
    campaign, elena = cast.publish(cast.leave("x1"), goal=cast.BOUGHT_IS_THE_END["goal"]), cast.person()
    cast.enter(campaign, elena)
    cast.work()
    cast.later(days=7, minutes=1)
    cast.order(elena)
    cast.react()
    assert not Conversion.objects.exists()


def test_a_goal_without_an_exit_lets_the_run_go_on() -> None:
    campaign, elena = cast.publish(cast.wait(), goal=cast.BOUGHT_IS_THE_END["goal"]), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.order(elena, amount="not a number")
    cast.react()
    assert cast.run(run).state == "waiting"
    assert Conversion.objects.get().value is None


# --- waits ---------------------------------------------------------------------------------------


def test_an_event_ends_the_wait_for_it() -> None:
    campaign, elena = cast.publish(cast.wait_for("Product Viewed")), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.later(hours=1)
    cast.happen(elena, "Product Viewed")
    cast.react()
    row = cast.run(run)
    assert (row.state, row.port) == ("due", "came")
    assert not Subscription.objects.exists()
    cast.work()
    assert cast.run(run).outcome == "dropped"
    assert ("w1", "came", "branch") in cast.way(run)


def test_the_filter_of_a_wait_is_obeyed() -> None:
    boots = [{"f": "properties.category", "op": "is", "v": "boots"}]
    campaign, elena = cast.publish(cast.wait_for("Product Viewed", where=boots)), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.happen(elena, "Product Viewed", category="socks")
    cast.react()
    assert cast.run(run).state == "waiting"
    cast.happen(elena, "Product Viewed", category="boots")
    cast.react()
    assert cast.run(run).port == "came"


def test_one_event_does_not_end_two_waits_in_a_row() -> None:
    def view(step: str) -> dict[str, object]:
        branches = [{"label": "came", "event": "Product Viewed"}]
        return {
            "id": step, "type": "wait.event", "config": {"branches": branches, "timeout": {"value": 2, "unit": "days"}},
            "lanes": [{"label": "came", "steps": []}, {"label": "timeout", "steps": []}],
        }  # fmt: skip

    campaign, elena = cast.publish(view("w1"), view("w2")), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    cast.later(hours=1)
    cast.happen(elena, "Product Viewed")
    cast.work()
    assert (cast.run(run).state, cast.run(run).step) == ("waiting", "w2")
    cast.later(hours=1)
    cast.happen(elena, "Product Viewed")
    cast.work()
    assert cast.run(run).outcome == "completed"


def test_a_wait_that_is_frozen_hears_and_goes_on_when_it_is_let_go() -> None:
    campaign, elena = cast.publish(cast.wait_for("Product Viewed")), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    lifecycle.pause(campaign, actor=cast.ADA, now=clock.now())
    cast.work()
    cast.happen(elena, "Product Viewed")
    cast.work()
    row = cast.run(run)
    assert (row.state, row.held_from, row.port) == ("held", "due", "came")
    lifecycle.resume(campaign, actor=cast.ADA, now=clock.now())
    cast.work()
    assert cast.run(run).outcome == "dropped"


# --- messages, order, cost --------------------------------------------------------------------------


def test_the_fate_of_another_message_moves_nobody() -> None:
    campaign, elena = cast.publish(cast.mail(), cast.wait()), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    timeline.record([NewFact(elena.pk, "Message Sent", {"message_id": 999_999})], now=clock.now())
    cast.react()
    assert cast.run(run).state == "in_effect"
    message = Message.objects.get().pk
    for _ in range(2):  # told twice, moved once
        cast.settle(message)
    assert cast.run(run).port == "sent"


def test_the_purchase_before_the_cart_is_answered_before_it() -> None:
    campaign, elena = cast.publish(cast.wait(), **KEYED), cast.person()
    cast.enter(campaign, elena, "c1")
    cast.work()
    cast.later(minutes=1)
    cast.order(elena, cart_id="c1")
    cast.later(minutes=1)
    cast.happen(elena, "Cart Updated", cart_id="c2")
    cast.react()
    cast.later(hours=2)
    cast.work()
    assert dict(Enrolment.objects.values_list("key", "state")) == {"c1": "done", "c2": "waiting"}


def test_answering_costs_the_same_for_ten_people_and_for_three_hundred() -> None:
    campaign = cast.publish(cast.wait_for("Product Viewed"), **cast.BOUGHT_IS_THE_END)
    counts = []
    from campaigns import reactions
    from crm.timeline import Fact

    for size in (1, 10, 150):
        contacts = cast.people(2 * size)
        for each in contacts:
            cast.enter(campaign, each)
        cast.work()
        now = clock.now()
        facts = [
            Fact(10_000_000 + n, each.pk, name, {}, now, now, "", "", None, False)
            for n, (each, name) in enumerate(zip(contacts, ["Product Viewed", "Order Completed"] * size, strict=True))
        ]
        with CaptureQueriesContext(connection) as asked:
            reactions.react(facts)
        counts.append(len(asked))
        assert Enrolment.objects.filter(outcome="converted", contact__in=contacts).count() == size
        assert Enrolment.objects.filter(port="came", contact__in=contacts).count() == size
    assert counts[1] == counts[2]
    assert counts[1] <= 16


# --- at the hand-off -------------------------------------------------------------------------------


def test_at_the_hand_off_a_purchase_that_nobody_has_answered_yet_stands_against_the_message() -> None:
    campaign, elena, dario = cast.publish(cast.mail(), **cast.BOUGHT_IS_THE_END), cast.person(), cast.person("Dario")
    for each in (elena, dario):
        cast.enter(campaign, each)
    cast.work()
    ids = {m.contact_id: m.pk for m in Message.objects.all()}
    assert vetoes.may_not_go(list(ids.values()), clock.now()) == {}
    cast.order(elena)
    assert vetoes.may_not_go(list(ids.values()), clock.now()) == {ids[elena.pk]: "recalled"}


def test_at_the_hand_off_a_paused_campaign_holds_and_a_stopped_one_calls_back() -> None:
    campaign, elena = cast.publish(cast.mail()), cast.person()
    cast.enter(campaign, elena)
    cast.work()
    message = Message.objects.get().pk
    lifecycle.pause(campaign, actor=cast.ADA, now=clock.now())
    assert vetoes.may_not_go([message], clock.now()) == {message: "paused"}
    lifecycle.stop(campaign, actor=cast.ADA, now=clock.now())
    assert vetoes.may_not_go([message], clock.now()) == {message: "recalled"}


def test_at_the_hand_off_a_run_that_has_ended_sends_nothing() -> None:
    from campaigns import runs

    campaign, elena = cast.publish(cast.mail()), cast.person()
    run = cast.enter(campaign, elena)
    cast.work()
    runs.end([(run, "exited")], clock.now())
    message = Message.objects.get().pk
    assert vetoes.may_not_go([message], clock.now()) == {message: "recalled"}


def test_the_veto_is_one_question_however_many_messages() -> None:
    campaign = cast.publish(cast.mail(), **cast.BOUGHT_IS_THE_END)
    for each in cast.people(30):
        cast.enter(campaign, each)
    cast.work()
    ids = list(Message.objects.values_list("pk", flat=True))
    assert len(ids) == 30
    with CaptureQueriesContext(connection) as asked:
        vetoes.may_not_go(ids, clock.now())
    assert len(asked) == 1
