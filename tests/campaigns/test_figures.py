"""Each number on a step is the list of the people behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import counted, figures, lifecycle
from campaigns.models import Campaign, Conversion, Enrolment
from channels import intake
from channels.models import Message
from channels.types import DeliveryEvent
from crm import clock
from crm.models import Membership, User
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
EVERYTHING = figures.Span()


@pytest.fixture
def campaign() -> Campaign:
    """Thirty people: some held out, some without an address, some got it, opened it, bought."""
    cast.at_noon()
    contacts = [*cast.people(24), *cast.people(6, addresses=False)]
    entry = {"type": "segment", "segment": str(cast.segment(contacts).pk), "mode": "current"}
    fork = {
        "id": "fork", "type": "split.random",
        "lanes": [{"label": "A", "weight": 1, "steps": []}, {"label": "B", "weight": 1, "steps": []}],
    }  # fmt: skip
    made = cast.publish(cast.mail("mail"), fork, cast.wait(), entry=[entry], holdout_pct=20, **cast.BOUGHT_IS_THE_END)
    cast.work()
    sent = list(Message.objects.filter(state="due").order_by("id")[:12])
    for state in ("claimed", "handing_off", "accepted"):
        Message.objects.filter(pk__in=[each.pk for each in sent]).update(state=state)
    for message in sent:
        cast.settle(message.pk)
    cast.work()
    now = cast.later(hours=1)
    seen = [("opened", each) for each in sent[:5]] + [("clicked", each) for each in sent[:2]]
    intake.receive(
        [DeliveryEvent(kind=kind, at=now, message_id=each.pk, event_id=f"{kind}-{each.pk}") for kind, each in seen],
        now=now,
    )
    for message in sent[:3]:
        cast.order(message.contact)
    cast.work()
    return made


def numbers(campaign: Campaign, span: figures.Span = EVERYTHING) -> dict[tuple[str, str], int]:
    return dict(figures.counts(campaign, span).of)


def test_every_number_is_its_list(campaign: Campaign) -> None:
    found = figures.counts(campaign, figures.Span())
    assert found.get("entered", "") == 30
    assert found.get("opened", "mail") == 5
    assert found.get("clicked", "mail") == 2
    assert found.get("converted", "") == found.get("converted", "mail") == 3
    assert found.get("waiting", "") == Enrolment.objects.filter(campaign=campaign).exclude(state="done").count()
    for (what, step), number in found.of.items():
        asked = counted.read(campaign, {"what": what, "step": step})
        assert len(counted.people(asked, after=0, limit=None)) == number == counted.count(asked), (what, step)
    for (step, port), number in found.left.items():
        asked = counted.read(campaign, {"what": "entered", "step": step, "port": port})
        assert counted.count(asked) == number > 0


def test_the_numbers_are_those_of_the_tables(campaign: Campaign) -> None:
    found = numbers(campaign)
    states = list(Message.objects.filter(campaign_id=campaign.pk).values_list("state", flat=True))
    assert found["sent", "mail"] == sum(state in ("accepted", "delivered") for state in states)
    assert found["not_sent", "mail"] == sum(state in ("blocked", "expired", "failed", "cancelled") for state in states)
    assert found["converted", ""] == Conversion.objects.filter(campaign=campaign).count()
    assert found["exited", ""] == Enrolment.objects.filter(campaign=campaign, state="done").count()


def test_a_message_adds_up(campaign: Campaign) -> None:
    found = numbers(campaign)
    on_their_way = Message.objects.filter(campaign_id=campaign.pk, state__in=("due", "planned")).count()
    assert found["sent", "mail"] + found["not_sent", "mail"] + on_their_way == found["entered", "mail"] == 30


def test_a_period_and_a_version_leave_out_the_rest(campaign: Campaign) -> None:
    late = figures.Span(since=clock.now() + timedelta(days=1))
    assert {what for (what, _), number in numbers(campaign, late).items() if number} == {"waiting"}
    assert campaign.version_id
    first = campaign.version_id
    second = lifecycle.publish(Campaign.objects.get(pk=campaign.pk), cast.ADA, clock.now())
    assert numbers(campaign, figures.Span(version=first)) == numbers(campaign)
    assert not any(numbers(campaign, figures.Span(version=second.pk)).values())


def test_all_numbers_are_one_query_and_the_builder_links_them_to_their_people(campaign: Campaign) -> None:
    user = User.objects.create_user("ada@example.com", "a-long-password", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client = Client()
    client.force_login(user)
    with CaptureQueriesContext(connection) as queries:
        figures.counts(campaign, figures.Span())
    assert len(queries) == 1
    html: Any = client.get(reverse("campaigns:counts", args=[campaign.pk]), {"period": "all"}).content.decode()
    people = reverse("campaigns:people", args=[campaign.pk])
    assert f'href="{people}?what=opened&amp;step=mail' in html
    assert client.get(f"{people}?what=opened&step=mail").status_code == 200
    assert client.get(reverse("campaigns:counts", args=[campaign.pk]), {"period": "none"}).content == b""
