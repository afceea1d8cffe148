"""Limits, groups and the law at the hand-off itself: with the tables, under the locks, with rival workers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign
from channels import accounts, content
from channels.models import Message
from channels.outbox import delivery
from crm import clock, sending
from crm.models import Contact, Workspace
from crm.registry import invariants
from tests.channels import people
from tests.channels.scripted import provider

NAMES = ("I9", "I10")


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Any:
    settings.CAUCE_MODE = "live"
    accounts.forget()
    content.forget()
    yield
    accounts.forget()


def rules(**given: Any) -> None:
    sending.change(sending.parse({**sending.document(sending.current()), **given}), "test")


def broken() -> dict[str, list[Any]]:
    found = {}
    with connection.cursor() as cursor:
        for name in NAMES:
            invariant = invariants.get(name)
            assert invariant is not None
            cursor.execute(invariant.sql)
            if rows := cursor.fetchall():
                found[name] = sorted({row[0] for row in rows})
    return found


def change(sql: str, *params: Any) -> None:
    """Write past the outbox and its triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET LOCAL session_replication_role = origin")


def outcome(number: int) -> tuple[str, str]:
    row = Message.objects.get(pk=number)
    return row.state, row.reason


def campaign(name: str) -> int:
    return int(Campaign.objects.create(name=name, document={}, state="live").pk)


# --- limits ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_text_a_day_of_the_calendar_and_as_many_mails_as_the_limit_over_all() -> None:
    now = people.at_noon()
    rules(limits=[{"messages": 1, "days": 1, "calendar": True, "channel": "sms"}])
    (dario,) = people.people(1, granted=("email", "sms"))
    (first,) = people.ask([dario], channel="sms", run=1)
    delivery.deliver()
    (second,) = people.ask([dario], channel="sms", run=2)
    (mail,) = people.ask([dario], run=3)
    delivery.deliver()
    assert [outcome(each)[0] for each in (first, second, mail)] == ["accepted", "due", "accepted"]
    waiting = Message.objects.get(pk=second)
    assert waiting.reason_detail == {"messages": 1, "days": 1, "calendar": True, "channel": "sms"}
    # Midnight in Madrid is quiet: nine o'clock the next morning.
    assert waiting.due_at == datetime(2026, 6, 11, 7, tzinfo=UTC)
    clock.set_to(waiting.due_at)
    delivery.deliver()
    assert outcome(second)[0] == "accepted"
    assert now < waiting.due_at
    assert broken() == {}
    # Had both gone on one day, somebody would see it.
    change("UPDATE channels_message SET counted_at = %s WHERE id = %s", now + timedelta(hours=1), second)
    assert broken() == {"I9": [second]}


@pytest.mark.django_db
def test_a_limit_of_a_purpose_leaves_other_purposes_alone() -> None:
    people.at_noon()
    rules(limits=[{"messages": 1, "days": 7, "purpose": "newsletter"}])
    (dario,) = people.people(1)
    people.allow([dario], "email", purpose="newsletter")
    ids = [people.ask([dario], run=run, purpose=purpose)[0]
           for run, purpose in enumerate(("newsletter", "newsletter", "offers"), 1)]  # fmt: skip
    delivery.deliver()
    assert [outcome(each)[0] for each in ids] == ["accepted", "due", "accepted"]


@pytest.mark.django_db
def test_a_message_that_did_not_go_gives_its_place_back_and_transactional_ones_take_none() -> None:
    people.at_noon()
    rules(messages=1)
    (dario,) = people.people(1)
    people.ask([dario] * 5, run=1, message_class="transactional", purpose="service")
    delivery.deliver()
    (offer,) = people.ask([dario], run=50)
    delivery.deliver()
    assert people.states() == {"accepted": 6}
    assert outcome(offer) == ("accepted", "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("most", [1, 3])
def test_fifty_campaigns_want_dario_on_two_channels_from_four_workers_and_he_gets_what_the_limit_allows(
    most: int,
) -> None:
    now = people.at_noon()
    Workspace.objects.update_or_create(only=True, defaults={"cap_messages": most, "cap_days": 7})
    (dario,) = people.people(1, granted=("email", "sms"))
    for number in range(50):
        people.ask([dario], run=number + 1, channel=("email", "sms")[number % 2], expires_at=now + timedelta(hours=24))
    accounts.active()

    def work() -> None:
        try:
            for _ in range(30):
                if not delivery.deliver():
                    return
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    while delivery.deliver():
        pass
    assert people.states() == {"accepted": most, "blocked": 50 - most}
    assert broken() == {}


# --- groups ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_of_two_campaigns_of_a_group_the_more_important_goes_and_the_other_keeps_its_distance() -> None:
    now = people.at_noon()
    rules(groups={"Spring": 3})
    (dario,) = people.people(1, granted=("email", "sms"))
    common: dict[str, Any] = {"exclusion_group": "Spring", "expires_at": now + timedelta(days=6), "run_id": None}
    # The less important one is on the channel that is served first.
    (low,) = people.ask([dario], campaign_id=campaign("Shoes"), priority=10, **common)
    other = campaign("Hats")
    (high,) = people.ask([dario], channel="sms", campaign_id=other, priority=60, **common)
    with provider():
        delivery.deliver()
    assert (outcome(low), outcome(high)[0]) == (("due", "lost_to"), "accepted")
    clock.set_to(Message.objects.get(pk=low).due_at)
    delivery.deliver()
    waiting = Message.objects.get(pk=low)
    assert (waiting.state, waiting.reason) == ("due", "lost_to")
    assert waiting.reason_detail == {"campaign": other, "group": "Spring", "days": 3}
    assert timedelta(0) <= waiting.due_at - (now + timedelta(days=3)) < timedelta(minutes=1)
    clock.set_to(waiting.due_at)
    delivery.deliver()
    assert outcome(low) == ("accepted", "")
    assert broken() == {}
    change("UPDATE channels_message SET counted_at = %s WHERE id = %s", now + timedelta(days=2), low)
    assert broken() == {"I9": [low]}


@pytest.mark.django_db
def test_two_of_a_group_in_one_batch_go_by_priority() -> None:
    now = people.at_noon()
    rules(groups={"Spring": 3})
    (dario,) = people.people(1)
    ids = [
        people.ask([dario], run_id=None, campaign_id=campaign(f"{priority}"), priority=priority,
                   exclusion_group="Spring", expires_at=now + timedelta(hours=5))[0]
        for priority in (20, 80)
    ]  # fmt: skip
    delivery.deliver()
    assert [outcome(each) for each in ids] == [("blocked", "lost_to"), ("accepted", "")]


# --- the law -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_text_to_texas_waits_for_noon_on_sunday_and_the_ledger_would_see_it_if_not() -> None:
    clock.set_to(datetime(2026, 6, 14, 15, tzinfo=UTC))
    (dario,) = people.people(1, zone="America/Chicago", granted=("sms",))
    Contact.objects.filter(pk=dario.pk).update(country="US", region="Texas", zone_source="contact")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_address SET value = '+12145550123' WHERE medium = 'phone'")
        cursor.execute("UPDATE crm_identifier SET value = '+12145550123' WHERE kind = 'phone'")
    (text,) = people.ask([dario], channel="sms")
    delivery.deliver()
    row = Message.objects.get(pk=text)
    assert (row.state, row.reason, row.due_at) == ("due", "quiet_hours", datetime(2026, 6, 14, 17, tzinfo=UTC))
    assert row.reason_detail["rule"] == "us-sms:texas"
    clock.set_to(row.due_at)
    delivery.deliver()
    assert outcome(text)[0] == "accepted"
    assert broken() == {}
    change("UPDATE channels_message SET counted_at = %s WHERE id = %s", datetime(2026, 6, 14, 15, tzinfo=UTC), text)
    assert broken() == {"I10": [text]}
    # At the same hour on a Saturday it may go; by a second clock of hers it may not.
    saturday = datetime(2026, 6, 13, 14, tzinfo=UTC)
    change("UPDATE channels_message SET counted_at = %s WHERE id = %s", saturday, text)
    assert broken() == {}
    zones = '{"zones": ["America/Los_Angeles"]}'
    change("UPDATE channels_message SET judged = judged || %s::jsonb WHERE id = %s", zones, text)
    assert broken() == {"I10": [text]}


@pytest.mark.django_db
def test_a_refusal_names_its_rule_and_a_yes_by_voice_is_none_in_the_united_states() -> None:
    people.at_noon()
    clock.set_to(datetime(2026, 6, 10, 16, tzinfo=UTC))
    (dario,) = people.people(1, zone="America/New_York", granted=("sms",))
    Contact.objects.filter(pk=dario.pk).update(country="US", region="NY")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_consentreceipt SET contact_id = contact_id")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE crm_consentreceipt SET method = 'verbal_call'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    (text,) = people.ask([dario], channel="sms")
    delivery.deliver()
    row = Message.objects.get(pk=text)
    assert (row.state, row.reason) == ("blocked", "legal_rule")
    assert row.reason_detail == {"rule": "us-sms:written", "source": "TCPA, 47 CFR 64.1200(a)(2) and (f)(9)"}


@pytest.mark.django_db
def test_forty_people_of_ten_countries_with_limits_and_groups_cost_as_many_queries_as_two(settings: Any) -> None:
    settings.HANDOFF_MARKS = False
    people.at_noon()
    rules(limits=[{"messages": 2, "days": 1, "calendar": True, "channel": "email"}], groups={"Spring": 3})
    counts = []
    sale = campaign("Sale")
    for many in (10, 2, 40):
        for number, contact in enumerate(people.people(many)):
            country = ("ES", "FR", "DE", "GB", "US", "CA", "IT", "JP", "", "PT")[number % 10]
            Contact.objects.filter(pk=contact.pk).update(country=country)
        people.ask(
            list(Contact.objects.order_by("-pk")[:many]), run_id=None, campaign_id=sale, exclusion_group="Spring"
        )
        with CaptureQueriesContext(connection) as asked:
            delivery.deliver()
        counts.append(len(asked))
    assert people.states() == {"accepted": 52}
    assert counts[1] == counts[2], "the first one has to read what is kept"
    with transaction.atomic():
        assert broken() == {}
