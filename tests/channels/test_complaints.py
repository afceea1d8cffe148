"""Too many people call it spam: the house is warned, then its account is paused until a person lets it go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from analytics import home
from campaigns import readiness
from channels import accounts, complaints
from channels.models import Account, Message, SenderDomain
from channels.outbox import claims, delivery
from crm import clock
from crm.models import AuditEntry
from tests import plans
from tests.campaigns import cast, office
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("sent", "complained", "verdict"),
    [
        (0, 0, "fine"), (499, 499, "fine"),  # too few to say anything
        (500, 0, "fine"), (1000, 0, "fine"), (10_000, 9, "fine"),
        (1000, 1, "warn"), (10_000, 10, "warn"), (10_000, 29, "warn"), (500, 1, "warn"),
        (1000, 3, "pause"), (10_000, 30, "pause"), (500, 2, "pause"), (10_000, 10_000, "pause"),
    ],
)  # fmt: skip
def test_the_rate_decides_from_500_mails_on(sent: int, complained: int, verdict: str) -> None:
    assert complaints.judge(sent, complained) == verdict


def test_the_limits_are_those_of_the_pack() -> None:
    assert complaints.limit("mailbox:complaints-soon") == 0.001
    assert complaints.limit("mailbox:complaints") == 0.003


def past_the_trigger(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def mails(count: int, complained: int, **given: Any) -> Account:
    """Mails of the last week, written past the outbox: there are many."""
    now = people.at_noon()
    (elena,) = people.people(1)
    (first,) = people.ask([elena], **given)
    delivery.deliver()
    row = Message.objects.get(pk=first)
    past_the_trigger("SET LOCAL session_replication_role = replica")
    Message.objects.bulk_create(
        [
            Message(
                contact_id=elena.pk, channel="email", account_id=row.account_id, content_id=row.content_id,
                state="complained" if place < complained else "accepted", due_at=now,
                counted_at=now - timedelta(days=1),
            )
            for place in range(count - 1)
        ]
    )  # fmt: skip
    past_the_trigger("SET LOCAL session_replication_role = origin")
    return Account.objects.get(pk=row.account_id)


def test_a_few_complaints_are_told_and_stop_nothing() -> None:
    account = mails(1000, 1)
    assert complaints.guard() == 0
    account.refresh_from_db()
    assert account.paused_at is None
    row = SenderDomain.objects.get()
    assert (row.domain, row.sent, row.complained) == ("shop.example", 1000, 1)


def test_three_of_a_thousand_pause_the_account_and_its_messages_wait() -> None:
    account = mails(1000, 3)
    assert complaints.guard() == 1
    account.refresh_from_db()
    assert account.paused_for == {"domain": "shop.example", "sent": 1000, "complained": 3}
    assert AuditEntry.objects.filter(action="account.pause").count() == 1
    accounts.forget()
    (waiting,) = people.ask(people.people(1), run=5000)
    delivery.deliver()
    assert Message.objects.get(pk=waiting).state == "due", "it waits; nothing is lost"


def test_home_says_so_and_ada_lets_it_go_on() -> None:
    account = mails(1000, 3)
    complaints.guard()
    ada = office.at_work("admin", "Ada")
    needs = home.needs(office.somebody("admin", "Luis"), clock.now(), [], [])
    assert [(need.tone, need.url) for need in needs] == [("bad", "/settings/channels/")]
    assert "3 of 1000 mails" in needs[0].detail
    page = ada.get("/settings/channels/").content.decode()
    assert "Paused: too many complaints" in page
    assert ada.post(f"/settings/channels/{account.pk}/resume/").status_code == 302
    account.refresh_from_db()
    assert account.paused_at is None
    assert home.needs(office.somebody("admin", "Marta"), clock.now(), [], []) == []
    # What was counted before is not held against it again.
    assert complaints.guard() == 0
    accounts.forget()
    (again,) = people.ask(people.people(1), run=5000)
    delivery.deliver()
    assert Message.objects.get(pk=again).state == "accepted"


def test_mails_older_than_a_week_are_forgotten() -> None:
    account = mails(1000, 3)
    clock.set_to(people.NOON + timedelta(days=8))
    assert complaints.guard() == 0
    account.refresh_from_db()
    assert account.paused_at is None


def test_it_is_counted_every_five_minutes_and_not_at_every_turn() -> None:
    mails(1000, 0)
    complaints.guard()
    numbers = list(Message.objects.values_list("pk", flat=True)[:9])
    past_the_trigger("SET LOCAL session_replication_role = replica")
    Message.objects.filter(pk__in=numbers).update(state="complained")
    past_the_trigger("SET LOCAL session_replication_role = origin")
    assert complaints.guard() == 0
    clock.set_to(people.NOON + timedelta(minutes=6))
    assert complaints.guard() == 1


def test_each_domain_answers_for_itself() -> None:
    account = mails(1000, 3, content_id=None)
    row = complaints.rates(clock.now())
    assert {(each.domain, each.sent, each.complained) for each in row} == {("shop.example", 1000, 3)}
    assert account.paused_at is None


@pytest.mark.parametrize("promised", ["service", "transactional"])
def test_a_paused_account_keeps_what_was_promised_and_holds_marketing_alone(promised: str) -> None:
    mails(1000, 3)
    complaints.guard()
    accounts.forget()
    elena, dario = people.people(2)
    (offer,) = people.ask([elena], run=5000)
    (receipt,) = people.ask([dario], run=5001, message_class=promised, purpose="service")
    while delivery.deliver():
        pass
    states = dict(Message.objects.filter(pk__in=[offer, receipt]).values_list("pk", "state"))
    assert states == {offer: "due", receipt: "accepted"}
    complaints.resume(Account.objects.get(channel="email").pk, "user:1", clock.now())
    accounts.forget()
    while delivery.deliver():
        pass
    assert Message.objects.get(pk=offer).state == "accepted"


def test_a_round_over_held_marketing_takes_nothing_and_ends() -> None:
    mails(1000, 3)
    complaints.guard()
    accounts.forget()
    held = people.ask(people.people(5), run=5000)
    assert delivery.deliver() == 0
    assert set(Message.objects.filter(pk__in=held).values_list("state", "claims")) == {("due", 0)}
    only = ["channels_message"], ["message_due_promised"]
    assert "message_due_promised" in plans.told(claims.WAITING[True], [["email"], clock.now()], *only)


def test_a_campaign_of_offers_is_not_published_onto_a_paused_account_and_one_of_receipts_is() -> None:
    mails(1000, 3)
    complaints.guard()
    accounts.forget()
    office.house()
    found = {
        kind: {each.code for each in readiness.of(office.draft(cast.mail(), **{"class": kind}), clock.now())}
        for kind in ("marketing", "service")
    }
    assert "no_sender" in found["marketing"]
    assert "no_sender" not in found["service"]
