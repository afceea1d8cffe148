"""Weeks of the demo shop: told through the real doors, in the past, and gone again with one click."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from analytics import demo, reports
from campaigns import plans
from campaigns.models import Campaign
from channels import accounts
from channels.models import Account, Message
from config import demo_job, demo_life, work
from crm import clock, workspace
from crm.models import Contact, Event, Task, User
from tests.analytics.test_demo_removal import rows
from tests.campaigns import cast

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, WEEKS = 70, 3


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    workspace.forget()
    plans.forget()
    accounts.forget()
    cast.at_noon()
    yield
    workspace.forget()
    plans.forget()
    accounts.forget()


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada@shop.example", "-", name="Ada")


def sql_now() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cauce_now()")
        return cursor.fetchone()[0]


def test_ada_finds_weeks_behind_her_and_they_go_with_one_click(ada: User) -> None:
    work.drain(60)
    before, now = rows(), clock.now()
    demo_life.seed(PEOPLE, WEEKS, 1, now, people=False)
    assert abs(clock.now() - now) < timedelta(minutes=1)
    assert abs(sql_now() - clock.now()) < timedelta(seconds=5)

    assert Contact.objects.filter(created_at__lt=now - timedelta(weeks=WEEKS)).count() > PEOPLE / 2
    assert Contact.objects.filter(created_at__gt=now - timedelta(weeks=WEEKS)).count() > PEOPLE / 5
    states = set(Message.objects.values_list("state", "reason"))
    assert {("delivered", ""), ("blocked", "consent_missing"), ("blocked", "holdout_campaign")} <= states
    cart = reports.of(Campaign.objects.get(name="Abandoned cart"), now)
    # A third is held out by chance: of fifty, between a twentieth and three fifths but once in 100,000 runs.
    share = cart.holdout.n / (cart.treated.n + cart.holdout.n)
    assert 0.05 < share < 0.6
    assert cart.treated.hits > 0
    assert cart.money.cost > 0
    told = dict.fromkeys(Event.objects.values_list("name", flat=True))
    assert {"Message Opened", "Message Clicked", "Card Linked", "Order Completed"} <= set(told)
    assert not Event.objects.filter(occurred_at__gt=clock.now()).exists(), "nothing has happened tomorrow"
    assert Task.objects.filter(assignee=ada).count() == 3
    call_command("verify_ledger")

    sent = Message.objects.filter(state__in=("accepted", "delivered")).count()
    assert not any(work.drain(60).pending.values())
    assert Message.objects.filter(state__in=("accepted", "delivered")).count() == sent, "nothing was left to burst"
    demo.ask(f"user:{ada.pk}")
    demo.work_for(60, clock.now())
    work.drain(60)
    assert rows() == before
    assert set(Account.objects.values_list("cost", flat=True)) == {0}
    call_command("verify_ledger")


def test_marta_got_the_letter_but_not_the_text_message(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    # A twentieth instead of a third, so that one of four is not held out for certain as good as.
    monkeypatch.setattr(demo_life, "CAMPAIGNS", tuple((name, 5, after) for name, _, after in demo_life.CAMPAIGNS))
    demo_life.seed(20, 2, 1, clock.now(), people=False)
    marta = Contact.objects.get(given_name="Marta", family_name="Vidal")
    got = set(Message.objects.filter(contact=marta).values_list("channel", "state", "reason"))
    assert {("email", "delivered", ""), ("sms", "blocked", "consent_withdrawn")} <= got
    told = set(Event.objects.filter(contact=marta).values_list("name", flat=True))
    assert {"Message Opened", "Message Skipped"} <= told


def test_a_story_that_breaks_off_leaves_nothing_and_no_clock_elsewhere(ada: User) -> None:
    before = rows()

    def stop(share: float) -> None:
        if share > 0.3:
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        demo_life.seed(20, 2, 1, clock.now(), people=False, progress=stop)
    assert rows() == before
    assert abs(sql_now() - clock.now()) < timedelta(seconds=5)


def test_the_clock_is_elsewhere_only_in_a_transaction_and_never_ahead() -> None:
    now = clock.now()
    with pytest.raises(ImproperlyConfigured), clock.at(now - timedelta(days=1)):
        pass
    with transaction.atomic():
        with pytest.raises(ValueError, match="not come"), clock.at(now + timedelta(days=1)):
            pass
        with clock.at(now - timedelta(days=2)):
            assert abs(sql_now() - (now - timedelta(days=2))) < timedelta(seconds=5)
            with clock.at(now - timedelta(days=3)):
                assert abs(clock.now() - (now - timedelta(days=3))) < timedelta(seconds=5)
            assert abs(sql_now() - clock.now()) < timedelta(seconds=5)
            assert abs(clock.now() - (now - timedelta(days=2))) < timedelta(seconds=5)
        assert abs(sql_now() - now) < timedelta(seconds=5)
    assert abs(sql_now() - clock.now()) < timedelta(seconds=5)


def test_elena_presses_load_and_a_worker_fills_the_shop(ada: User, client: Client, settings: LazySettings) -> None:
    settings.DEMO_CONTACTS, settings.DEMO_WEEKS = 12, 1
    client.force_login(ada)
    assert client.get("/setup/demo/").headers["Location"] == "/"
    assert client.post("/setup/demo/").headers["Location"] == "/setup/demo/"
    client.post("/setup/demo/")
    assert "<progress" in client.get("/setup/demo/").content.decode()
    assert not Contact.objects.exists()
    work.drain(60)
    assert Contact.objects.count() == 12
    assert User.objects.count() == 1, "nobody whose password everybody knows"
    assert demo_job.how_far() is None
    assert client.get("/setup/demo/").headers["Location"] == "/"
    client.post("/setup/demo/")
    work.drain(60)
    assert Contact.objects.count() == 12, "asked twice, loaded once"


def test_loading_that_went_wrong_says_so_and_can_be_tried_again(
    ada: User, client: Client, settings: LazySettings
) -> None:
    settings.DEMO_CONTACTS, settings.DEMO_WEEKS = 5, "no weeks"
    client.force_login(ada)
    client.post("/setup/demo/")
    work.drain(60)
    assert "Try again" in client.get("/setup/demo/").content.decode()
    assert not Contact.objects.exists()
    settings.DEMO_WEEKS = 1
    client.post("/setup/demo/")
    work.drain(60)
    assert Contact.objects.count() == 5
