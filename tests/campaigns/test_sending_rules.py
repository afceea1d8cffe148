"""What a campaign and its steps say of the sending rules reaches the gate: group, priority, quiet hours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from campaigns import drafts
from campaigns.forms.goal import GoalForm
from campaigns.models import Enrolment
from channels.models import Message
from channels.outbox import delivery
from crm import clock, obstacles, sending
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 6, 10, 22, tzinfo=UTC)


def mail(**config: Any) -> dict[str, Any]:
    step = cast.mail()
    return {**step, "config": {**step["config"], **config}}


def sent(campaign: Any) -> Message:
    cast.enter(campaign, cast.person())
    cast.work()
    delivery.deliver()
    return Message.objects.latest("pk")


def test_the_group_and_priority_of_a_campaign_travel_with_its_messages() -> None:
    cast.at_noon()
    message = sent(cast.publish(cast.mail(), group="Spring", priority=80))
    assert (message.exclusion_group, message.priority) == ("Spring", 80)


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, ("due", "quiet_hours")), ({"when_quiet": "wait"}, ("due", "quiet_hours")),
     ({"when_quiet": "skip"}, ("blocked", "quiet_hours")),
     ({"when_quiet": "other_channel"}, ("blocked", "quiet_hours"))],
)  # fmt: skip
def test_a_step_says_what_happens_in_quiet_hours(said: dict[str, str], expected: tuple[str, str]) -> None:
    office.house(quiet_from="21:00", quiet_until="09:00")
    clock.set_to(NIGHT)
    message = sent(cast.publish(mail(**said)))
    assert (message.state, message.reason) == expected


def test_who_is_asleep_for_a_text_gets_the_push_lane_at_once() -> None:
    """The lane "not sent" goes on at the same moment; nobody waits until the morning for it."""
    office.house(quiet_from="21:00", quiet_until="09:00")
    clock.set_to(NIGHT)
    step = mail(when_quiet="other_channel")
    step["lanes"] = [{"label": "sent", "steps": []}, {"label": "not_sent", "steps": [cast.leave("x1", "dropped")]}]
    campaign = cast.publish(step)
    cast.enter(campaign, cast.person())
    cast.work()
    delivery.deliver()
    cast.work()
    assert Enrolment.objects.get().outcome == "dropped"
    assert clock.now() - NIGHT < timedelta(minutes=5)


def test_what_a_step_cannot_say_is_refused() -> None:
    campaign = office.draft(mail(when_quiet="whenever"))
    problems, _warnings = drafts.problems(campaign)
    assert [each.pointer for each in problems if "when_quiet" in each.pointer] == ["/steps/0/config/when_quiet"]


def test_ada_chooses_a_group_of_the_house_with_the_goal() -> None:
    cast.at_noon()
    campaign = office.draft(cast.mail())
    rules = sending.document(sending.current())
    sending.change(sending.parse({**rules, "groups": {"Spring": 3}}), "test")
    ada = office.at_work()
    html = ada.get(reverse("campaigns:goal", args=[campaign.pk])).content.decode()
    assert re.search(r'<option value="Spring"\s*>\s*Spring', html)
    form = GoalForm(base=campaign.document, segments=[], groups={"Spring": 3})
    data = {
        name: value for name, value in form.initial.items() if value is not None and value is not False and value != ""
    }
    told = GoalForm(
        {**data, "group": "Spring", "holdout_pct": 10}, base=campaign.document, segments=[], groups={"Spring": 3}
    )
    assert told.is_valid(), told.errors
    assert told.document()["group"] == "Spring"
    gone = GoalForm(base={**campaign.document, "group": "Autumn"}, segments=[], groups={})
    assert ("Autumn", "Autumn") in gone.fields["group"].choices  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "detail", "words"),
    [
        ("legal_rule", {"rule": "us-sms:texas"}, "Tex. Bus. & Com. Code 301.051"),
        ("quiet_hours", {"zone": "America/Chicago", "rule": "us-sms:federal-hours"}, "47 CFR 64.1200(c)(1)"),
        ("cap", {"messages": 1, "days": 1, "calendar": True, "channel": "sms"}, "1 message in 1 day of the calendar"),
        ("lost_to", {"campaign": 2, "group": "Spring", "days": 3}, "group “Spring”"),
    ],
)
def test_the_timeline_names_the_rule_and_its_source(code: str, detail: dict[str, Any], words: str) -> None:
    assert words in obstacles.sentence(code, "SMS", detail)
