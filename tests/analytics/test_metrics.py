"""What each figure counts, and that it is the sum of its list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from analytics import behind, metrics, rollup
from analytics.metrics import Span
from campaigns import runner
from crm import clock, consent, moments, orders, permission, timeline, workspace
from crm.models import Contact, Order
from crm.orders import Cancellation, NewOrder, Refund
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CARD = {"kind": "card", "value": "C0000001"}


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    cast.forget()
    cast.at_noon()
    yield
    workspace.forget()


def buy(contact: Contact, amount: str = "40.00", ago: timedelta = timedelta(0), **more: Any) -> str:
    name = f"o-{Order.objects.count() + 1}"
    order = NewOrder(contact.pk, name, clock.now() - ago, Decimal(amount), more.pop("currency", "EUR"), **more)
    orders.record([order], now=clock.now())
    return name


def span(days: int = 30) -> Span:
    now = rollup.moment(clock.now())
    return now.span(now.today - timedelta(days=days - 1), now.today)


def figure(name: str, days: int = 30) -> tuple[Decimal, Decimal]:
    metric = metrics.get(name)
    assert metric
    found = behind.total(metric, span(days))
    listed = list(behind.all_rows(metric, span(days), part="above"))
    assert sum(row.number for row in listed) == found[0], "the list is not what is counted"
    return found


def people(name: str) -> set[int]:
    metric = metrics.get(name)
    assert metric
    return {row.contact_id for row in behind.all_rows(metric, span(), part="above")}


def test_sales_are_orders_less_refunds_in_our_currency() -> None:
    elena, dario = cast.people(2)
    buy(elena, "40.00")
    given_back, cancelled = buy(dario, "100.00"), buy(dario, "70.00")
    buy(dario, "9.00", currency="USD")
    orders.refund([Refund(given_back, clock.now(), Decimal("25.00"))], now=clock.now())
    orders.cancel([Cancellation(cancelled, clock.now())], now=clock.now())
    assert figure("sales") == (Decimal("115.00"), 2)


def test_history_that_is_brought_in_counts_on_the_day_it_happened() -> None:
    elena = cast.people(1)[0]
    buy(elena, "40.00", ago=3 * DAY, historic=True)
    assert figure("sales", days=1) == (0, 0)
    assert figure("sales", days=4) == (Decimal("40.00"), 1)


def test_revenue_of_campaigns_is_the_orders_that_were_their_goal_once() -> None:
    elena, held_out, nobody = cast.person("Elena"), cast.person("Dario"), cast.person("Chiara")
    for campaign in (cast.publish(cast.wait(), **cast.BOUGHT_IS_THE_END) for _ in range(2)):
        cast.enter(campaign, elena)
    alone = cast.publish(cast.wait(), **{**cast.BOUGHT_IS_THE_END, "holdout_pct": 50})
    for _ in range(40):
        someone = cast.person()
        if cast.run(cast.enter(alone, someone)).held_out:
            held_out = someone
            break
    runner.tick()
    for contact, amount in ((elena, "40.00"), (held_out, "60.00"), (nobody, "90.00")):
        buy(contact, amount)
    cast.work()
    assert figure("campaign_revenue") == (Decimal("40.00"), 1)
    assert people("campaign_revenue") == {elena.pk}


def test_a_contact_may_be_contacted_by_one_channel_at_least() -> None:
    elena, chiara = cast.person("Elena", sms=False), cast.person("Chiara", email=False, sms=False)
    nobody = cast.people(1)[0]
    assert people("reachable") == {elena.pk}
    cast.allow([chiara], "sms")
    assert people("reachable") == {elena.pk, chiara.pk}
    assert nobody.pk not in people("reachable")


def test_reachable_is_the_rule_of_consent_and_nothing_else() -> None:
    everybody = [cast.person(email=bool(n % 2), sms=n % 3 == 0) for n in range(12)]
    Contact.objects.filter(pk=everybody[3].pk).update(archived_at=clock.now())
    Contact.objects.filter(pk=everybody[6].pk).update(restricted=True)
    allowed = {
        contact.pk
        for contact in everybody
        for channel in ("email", "sms")
        if isinstance(consent.allowed(contact.pk, "offers", channel, clock.now()), permission.Allow)
    }
    assert people("reachable") == allowed


def test_who_bought_twice_within_a_year_repeats() -> None:
    once, twice, long_ago = cast.people(3)
    buy(once)
    buy(twice, ago=364 * DAY)
    buy(twice)
    buy(long_ago, ago=366 * DAY)
    buy(long_ago, ago=400 * DAY)
    assert figure("repeat_rate") == (1, 2)


def test_a_card_counts_when_it_is_enrolled_and_not_when_it_is_imported() -> None:
    from crm import capture

    capture.receive([capture.Arrival([CARD])], now=clock.now())
    capture.receive([capture.Arrival([{**CARD, "value": "C0000002"}], quiet=True)], now=clock.now())
    cast.happen(cast.people(1)[0], "Card Linked", card="C0000003", historic=True)
    assert figure("cards") == (1, 0)


def test_opt_outs_are_people_a_day_for_messages_that_went() -> None:
    elena, dario = cast.person("Elena"), cast.person("Dario")
    campaign = cast.publish(cast.mail())
    for contact in (elena, dario):
        cast.enter(campaign, contact)
    cast.work()
    from channels.models import Message

    for message in Message.objects.order_by("pk"):
        Message.objects.filter(pk=message.pk).update(state="claimed")
        Message.objects.filter(pk=message.pk).update(state="handing_off")
        Message.objects.filter(pk=message.pk).update(state="accepted")
        cast.settle(message.pk)
    for channel in ("email", "sms"):
        cast.allow([elena], channel, "withdrawn")
    assert figure("opt_outs") == (1, 2)
    assert people("opt_outs") == {elena.pk}


def test_a_page_of_the_list_goes_on_where_the_last_one_ended_and_back() -> None:
    metric = metrics.SHIPPED["sales"]
    for contact in cast.people(behind.A_PAGE + 5):
        buy(contact)
    first = behind.page(metric, span(), part="above")
    second = behind.page(metric, span(), part="above", cursor=first.next)
    assert (len(first.rows), len(second.rows), first.previous, second.next) == (behind.A_PAGE, 5, "", "")
    assert behind.page(metric, span(), part="above", cursor=second.previous).rows == first.rows
    assert behind.page(metric, span(), part="above", cursor="n~nonsense~1").rows == first.rows


def test_everybody_is_in_one_stage_and_has_come_at_least_so_far() -> None:
    elena, dario = cast.people(2)
    cast.happen(elena, "Order Completed")
    cast.happen(dario, "Product Added")
    cast.react()
    assert people("stage.first_purchase") == {elena.pk}
    assert people("stage.considering") == {dario.pk}
    assert people("reached.considering") == {elena.pk, dario.pk}
    assert people("reached.first_purchase") == {elena.pk}
    assert metrics.get("reached.lapsed") is None
    assert metrics.get("stage.nonsense") is None


def test_a_metric_says_what_it_counts() -> None:
    for metric in metrics.SHIPPED.values():
        assert str(metric.means).endswith(".")
        assert metric.unit != "share" or metric.below


NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 5),  # who
        st.integers(0, 800),  # days ago
        st.sampled_from(["order", "refund", "cancel", "card", "withdraw", "late"]),
        st.integers(1, 9_999),
    ),
    max_size=25,
)


class Anything(TestCase):
    """Whatever happened, told in whatever order: figures are the sums of their lists, on every day."""

    @settings(deadline=None, max_examples=40)
    @given(HISTORIES)
    def test_figures_are_their_lists(self, told: list[tuple[int, int, str, int]]) -> None:
        workspace.forget()
        clock.set_to(NOW)
        contacts = cast.people(6)
        for place, (who, ago, what, cents) in enumerate(told):
            happens(contacts[who], place, timedelta(days=ago), what, cents)
            if place % 7 == 3:
                while timeline.drain():
                    pass
                rollup.bring_up(clock.now())
        while timeline.drain():
            pass
        rollup.bring_up(clock.now())
        assert rollup.differing() == []
        today = rollup.moment(clock.now()).today
        for name in ("sales", "cards", "opt_outs"):
            for day, kept in stored(name).items():
                assert kept == by_list(name, day), (name, day)
        for day in (today, today - timedelta(days=1), today - timedelta(days=37), today - timedelta(days=364)):
            assert stored("repeat_rate").get(day, (0, 0)) == by_list("repeat_rate", day), day


def happens(contact: Contact, place: int, ago: timedelta, what: str, cents: int) -> None:
    now = clock.now()
    amount = Decimal(cents) / 100
    if what in ("order", "refund", "cancel", "late"):
        order = NewOrder(contact.pk, f"p-{place}", now - ago, amount, "EUR", historic=what == "late")
        orders.record([order], now=now)
    if what == "refund":
        orders.refund([Refund(f"p-{place}", now, amount / 2)], now=now)
    if what == "cancel":
        orders.cancel([Cancellation(f"p-{place}", now)], now=now)
    if what == "card":
        cast.happen(contact, "Card Linked", card=f"C{place}", occurred_at=now - ago)
    if what == "withdraw":
        cast.happen(
            contact, "Consent Changed", purpose="offers", channel="email", action="withdrawn", occurred_at=now - ago
        )


def stored(name: str) -> dict[Any, tuple[Decimal, Decimal]]:
    from analytics.models import Figure

    found: dict[Any, tuple[Decimal, Decimal]] = {}
    for row in Figure.objects.filter(metric=name):
        before = found.get(row.day, (Decimal(0), Decimal(0)))
        found[row.day] = (before[0] + row.numerator, before[1] + row.denominator)
    return found


def by_list(name: str, day: Any) -> tuple[Any, Any]:
    metric, now = metrics.SHIPPED[name], rollup.moment(clock.now())
    return tuple(
        sum(row.number for row in behind.all_rows(metric, now.span(day, day), part=part)) for part in ("above", "below")
    )  # type: ignore[return-value]


def test_a_day_is_the_workspaces_own() -> None:
    late = datetime(2026, 6, 9, 22, 30, tzinfo=UTC)  # half past midnight in Madrid
    elena = cast.people(1)[0]
    buy(elena, ago=clock.now() - late)
    assert figure("sales", days=1) == (Decimal("40.00"), 1)
    assert moments.local_day(late, "Europe/Madrid") == moments.local_day(clock.now(), "Europe/Madrid")
