"""Daily figures: counted when something changed, once, also when it is told late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import rollup, running, staleness
from analytics.models import Figure, Kpi, Reading, StaleDay, Standing
from crm import clock, identity, orders, workspace
from crm.models import Contact, Store, Workspace
from crm.orders import NewOrder, Refund
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    cast.forget()
    cast.at_noon()
    yield
    workspace.forget()


def buy(contact: Contact, order_id: str, *, ago: timedelta = timedelta(0), **more: Any) -> None:
    order = NewOrder(contact.pk, order_id, clock.now() - ago, Decimal("40.00"), "EUR", **more)
    orders.record([order], now=clock.now())
    cast.react()


def sales() -> dict[int, Decimal]:
    """Days ago -> what was sold."""
    today = rollup.moment(clock.now()).today
    return {(today - row.day).days: row.numerator for row in Figure.objects.filter(metric="sales")}


def roll() -> int:
    return rollup.bring_up(clock.now())


def test_the_first_round_counts_all_days_there_ever_were() -> None:
    elena = cast.people(1)[0]
    buy(elena, "new")
    buy(elena, "old", ago=900 * DAY)
    roll()
    assert sales() == {0: Decimal("40.00"), 900: Decimal("40.00")}


def test_a_fact_that_is_told_late_changes_its_own_day() -> None:
    elena = cast.people(1)[0]
    buy(elena, "one")
    roll()
    buy(elena, "late", ago=5 * DAY)
    assert StaleDay.objects.filter(metric="sales").count() == 1
    roll()
    assert sales() == {0: Decimal("40.00"), 5: Decimal("40.00")}
    assert rollup.differing() == []


def test_a_refund_changes_the_day_of_its_order() -> None:
    elena = cast.people(1)[0]
    buy(elena, "one", ago=5 * DAY)
    roll()
    orders.refund([Refund("one", clock.now())], now=clock.now())
    cast.react()
    roll()
    assert sales() == {}
    assert rollup.differing() == []


def test_counting_again_changes_nothing_and_nothing_is_due_then() -> None:
    buy(cast.people(1)[0], "one")
    assert roll() > 0
    assert roll() == 0
    assert rollup.pending() == 0


def test_a_day_that_was_tampered_with_is_found() -> None:
    buy(cast.people(1)[0], "one", ago=5 * DAY)
    roll()
    Figure.objects.filter(metric="sales").update(numerator=1)
    assert [row[0].split()[0] for row in rollup.differing()] == ["sales"]
    staleness.note([("sales", rollup.moment(clock.now()).today - 5 * DAY)])
    assert rollup.differing() == [], "it will be counted again"
    roll()
    assert rollup.differing() == []


def test_stores_have_figures_of_their_own_and_the_web_has_none() -> None:
    elena = cast.people(1)[0]
    store = Store.objects.create(code="centro", name="Centro")
    buy(elena, "till", store_id=store.pk)
    buy(elena, "web")
    roll()
    assert set(Figure.objects.filter(metric="sales").values_list("store_id", "numerator")) == {
        (store.pk, Decimal("40.00")),
        (None, Decimal("40.00")),
    }


def test_another_zone_is_another_calendar() -> None:
    place, _ = Workspace.objects.get_or_create(only=True)
    buy(cast.people(1)[0], "one", ago=timedelta(hours=13))  # 23:00 UTC: the next day in Madrid
    roll()
    assert sales() == {0: Decimal("40.00")}
    place.zone = "America/New_York"
    place.save()
    roll()
    assert sales() == {1: Decimal("40.00")}


def test_a_level_goes_on_from_day_to_day() -> None:
    elena = cast.people(1)[0]
    buy(elena, "one")
    buy(elena, "two")
    roll()
    cast.later(days=3)
    roll()
    days = Figure.objects.filter(metric="repeat_rate").order_by("day").values_list("numerator", "denominator")
    assert list(days) == [(1, 1)] * 4


def test_two_who_are_one_person_bought_twice() -> None:
    one, other = cast.people(2)
    buy(one, "one")
    buy(other, "two", ago=DAY)
    roll()
    identity.merge(one.pk, other.pk, now=clock.now())
    roll()
    assert Figure.objects.filter(metric="repeat_rate", numerator=1).count() == 1


def test_the_work_of_a_round_does_not_grow_with_what_happened() -> None:
    def queries(count: int) -> int:
        for number, contact in enumerate(cast.people(count)):
            buy(contact, f"{count}-{number}", ago=number * DAY)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            roll()
        return len(asked)

    queries(1)
    assert queries(2) == queries(30)


def test_somebody_who_counts_at_the_same_time_waits() -> None:
    buy(cast.people(1)[0], "one")
    roll()
    assert set(Reading.objects.values_list("metric", flat=True)) == {*rollup.metrics.SHIPPED, "stages"}
    rollup.start_over()
    assert not Figure.objects.exists()
    roll()
    assert sales() == {0: Decimal("40.00")}


def test_campaigns_that_run_are_counted_by_people() -> None:
    campaign = cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END)
    elena, dario = cast.person("Elena"), cast.person("Dario")
    for contact in (elena, dario):
        cast.enter(campaign, contact)
    cast.work()
    cast.order(dario)
    cast.work()
    assert running.pending() == 1
    assert running.refresh(clock.now()) == 1
    row = Standing.objects.get()
    assert (row.inside, row.treated, row.treated_hits, row.holdout, row.problems) == (1, 2, 1, 0, [])
    assert running.refresh(clock.now()) == 0
    assert running.pending() == 0


def test_six_kpis_are_there_from_the_start() -> None:
    assert set(Kpi.objects.values_list("metric", flat=True)) == set(rollup.metrics.SHIPPED)
