"""Settings › Sending rules: each change is seen on last week's messages before it can be saved."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels import hindsight
from channels.models import Message
from channels.outbox import delivery
from crm import clock, sending
from crm.models import AuditEntry, Contact, SendingRules, Workspace
from tests.campaigns import office
from tests.channels import people

pytestmark = pytest.mark.django_db
PAGE, PREVIEW, SAVE = "/settings/sending/", "/settings/sending/preview/", "/settings/sending/save/"
INPUT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def ada() -> Client:
    return office.at_work("admin", "Ada")


def filled(client: Client) -> dict[str, Any]:
    """The form as it stands on the page."""
    form = client.get(PAGE).context["form"]
    data = {}
    for field in form:
        value = field.value()
        if value is True:
            data[field.html_name] = "on"
        elif value not in (None, False):
            data[field.html_name] = f"{value:%H:%M}" if hasattr(value, "hour") else str(value)
    return data


def looked_at(client: Client, data: dict[str, Any]) -> tuple[str, dict[str, list[str]]]:
    """The preview, and the form that saves it."""
    answer = client.post(PREVIEW, data)
    assert answer.status_code == 200, answer.context["form"].errors
    html = answer.content.decode()
    fields: dict[str, list[str]] = {}
    for name, value in INPUT.findall(html):
        fields.setdefault(name, []).append(unescape(value))
    return html, fields


def week(now: datetime, per_day: int = 1, days: int = 3, **given: Any) -> None:
    """Elena gets so many messages on each of the last days."""
    (elena,) = people.people(1, name="Elena")
    Workspace.objects.update_or_create(only=True, defaults={"cap_messages": 100})
    for day in range(days, 0, -1):
        clock.set_to(now - timedelta(days=day))
        people.ask([elena] * per_day, run=day * 100 + elena.pk * 1000, **given)
        delivery.deliver()
    clock.set_to(now)


def test_ada_changes_nothing_and_the_page_gives_the_rules_back(ada: Client) -> None:
    before = sending.document(sending.current())
    html, fields = looked_at(ada, filled(ada))
    assert "These are the rules that hold already." in html
    answer = ada.post(SAVE, fields)
    assert answer.status_code == 302
    assert sending.document(sending.current()) == before
    assert not AuditEntry.objects.filter(action="sending.change").exists()


def test_ada_sees_what_a_lower_limit_would_have_stopped_before_it_holds(ada: Client) -> None:
    now = people.at_noon()
    week(now, days=4)
    data = filled(ada) | {"messages": "2"}
    html, fields = looked_at(ada, data)
    change = ada.post(PREVIEW, data).context["change"]
    assert (change.looked_at, dict(change.stopped), dict(change.later)) == (4, {}, {"cap": 2})
    assert "Enough messages this week" in html
    assert sending.current().messages == 100, "looking saves nothing"
    assert ada.post(SAVE, fields).status_code == 302
    assert sending.current().messages == 2
    entry = AuditEntry.objects.get(action="sending.change")
    assert (entry.before["messages"], entry.after["messages"]) == (100, 2)


def test_it_holds_from_the_next_message_on(ada: Client) -> None:
    now = people.at_noon()
    week(now, days=2)
    _html, fields = looked_at(ada, filled(ada) | {"messages": "1"})
    ada.post(SAVE, fields)
    elena = Contact.objects.get()
    (late,) = people.ask([elena], run=77, expires_at=now + timedelta(hours=1))
    delivery.deliver()
    assert Message.objects.values_list("state", "reason").get(pk=late) == ("blocked", "cap")


def test_who_posts_without_having_looked_sees_it_first(ada: Client) -> None:
    answer = ada.post(SAVE, filled(ada) | {"messages": "9"})
    assert answer.status_code == 422
    assert "What would have changed last week" in answer.content.decode()
    assert not SendingRules.objects.exists()


def test_what_luis_changed_meanwhile_is_shown_and_not_overwritten_unseen(ada: Client) -> None:
    _html, fields = looked_at(ada, filled(ada) | {"messages": "9"})
    _other, his = looked_at(ada, filled(ada) | {"days": "14"})
    ada.post(SAVE, his)
    assert ada.post(SAVE, fields).status_code == 409
    assert (sending.current().messages, sending.current().days) == (3, 14)


@pytest.mark.parametrize("name", ["messages", "days", "limit0_messages", "limit0_days", "group0_days"])
def test_a_limit_of_0_cannot_be_set_by_accident(ada: Client, name: str) -> None:
    whole = {"limit0_messages": "1", "limit0_days": "1", "group0_name": "promo", "group0_days": "3"}
    answer = ada.post(PREVIEW, filled(ada) | whole | {name: "0"})
    assert answer.status_code == 422
    assert "0 would stop everything" in str(answer.context["form"].errors[name])


def test_no_limit_is_a_choice_of_its_own(ada: Client) -> None:
    empty = ada.post(PREVIEW, filled(ada) | {"messages": ""})
    assert "choose “No limit”" in str(empty.context["form"].errors["messages"])
    _html, fields = looked_at(ada, filled(ada) | {"limit": "unlimited", "messages": ""})
    ada.post(SAVE, fields)
    assert sending.current().messages is None
    assert filled(ada)["limit"] == "unlimited"


def test_narrow_limits_own_hours_and_groups_are_kept_and_taken_out_again(ada: Client) -> None:
    rows = {
        "limit0_messages": "1", "limit0_days": "1", "limit0_kind": "calendar", "limit0_channel": "sms",
        "limit0_purpose": "offers", "hours0_country": "US", "hours0_from": "22:00", "hours0_until": "07:00",
        "group0_name": "Spring sale", "group0_days": "3", "unknown": "ES",
    }  # fmt: skip
    data = filled(ada) | rows
    data.pop("pack_de")
    html, fields = looked_at(ada, data)
    assert "looser than those of its packs" in html
    ada.post(SAVE, fields)
    rules = sending.current()
    assert rules.limits == (sending.Limit(1, 1, calendar=True, channel="sms", purpose="offers"),)
    assert rules.groups == {"Spring sale": 3}
    assert (rules.unknown, rules.packs_off) == ("ES", frozenset({"de"}))
    page = ada.get(PAGE).content.decode()
    assert "looser than the pack" in page
    assert "47 CFR 64.1200" in page, "the source of the hours stands beside them"
    again = filled(ada) | dict.fromkeys(rows, "") | {"pack_de": "on"}
    ada.post(SAVE, looked_at(ada, again)[1])
    assert (sending.current().limits, sending.current().quiet, sending.current().groups) == ((), {}, {})


def test_a_row_that_is_half_filled_in_says_what_is_missing(ada: Client) -> None:
    answer = ada.post(PREVIEW, filled(ada) | {"hours0_country": "FR", "group1_name": "promo", "limit1_days": "3"})
    errors = answer.context["form"].errors
    assert {"hours0_from", "group1_days", "limit1_messages"} <= set(errors)
    assert answer.status_code == 422


def test_quiet_hours_and_packs_are_replayed_too(ada: Client) -> None:
    now = people.at_noon()
    week(now, days=2)
    Contact.objects.update(country="CA")
    assert hindsight.of(sending.current(), sending.current(), now).is_nothing
    _html, fields = looked_at(
        ada, filled(ada) | {"hours0_country": "CA", "hours0_from": "08:00", "hours0_until": "20:00"}
    )
    change = ada.post(PREVIEW, fields).context["change"]
    assert dict(change.later) == {"quiet_hours": 2}


def test_what_a_rule_stopped_would_have_gone_under_a_looser_one(ada: Client) -> None:
    now = people.at_noon()
    week(now, days=1)
    Workspace.objects.update(cap_messages=1)
    clock.set_to(now - timedelta(hours=2))
    people.ask(list(Contact.objects.all()), run=9, expires_at=now)
    delivery.deliver()
    clock.set_to(now)
    change = ada.post(PREVIEW, filled(ada) | {"messages": "5"}).context["change"]
    assert (change.freed, change.is_nothing) == (1, False)


def test_a_large_week_is_looked_at_in_part_and_says_about(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = people.at_noon()
    for _ in range(6):
        week(now, days=2)
    monkeypatch.setattr(hindsight, "MOST", 4)
    html, _fields = looked_at(ada, filled(ada) | {"messages": "1"})
    assert "About:" in html
    rules = sending.current()
    with CaptureQueriesContext(connection) as few:
        hindsight.of(rules, rules, now)
    monkeypatch.setattr(hindsight, "MOST", 10_000)
    with CaptureQueriesContext(connection) as many:
        change = hindsight.of(rules, rules, now)
    assert change.looked_at == 12
    assert len(few) == len(many) == 3


def test_bruno_at_the_till_and_a_marketer_do_not_get_in() -> None:
    for role in ("marketer", "analyst"):
        client = office.at_work(role, role)
        assert client.get(PAGE).status_code == 403
        assert client.post(SAVE, {}).status_code == 403
