"""What campaigns and channels show on the page of a contact: where they stand, what comes next, what they got."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels import counted
from channels.outbox import delivery
from crm import clock, history, publicids
from crm.models import User
from tests.campaigns import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    cast.forget()
    cast.at_noon()


@pytest.fixture
def office() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada@example.com", "-"))
    return client


def text(client: Client, url: str) -> str:
    answer: Any = client.get(url, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_message_that_was_not_sent_names_its_campaign_step_and_version() -> None:
    elena = cast.person("Elena")
    campaign = cast.publish(cast.mail("e1"), name="Spring")
    cast.enter(campaign, elena)
    cast.work()
    cast.allow([elena], "email", "withdrawn")
    (_, (entry,)) = history.timeline(elena.pk, "blocked").days[0]
    assert entry.title == "E-mail not sent: They said no"
    assert (entry.campaign, entry.version) == (campaign.name, 1)
    assert entry.step
    assert entry.url == f"/campaigns/{publicids.encode('cmp', campaign.pk)}/journey/"


def test_the_next_step_of_each_journey_is_shown(office: Client) -> None:
    elena = cast.person("Elena")
    campaign = cast.publish(cast.wait("w1"), cast.mail("e1"))
    empty = text(office, f"/campaigns/of/{publicids.encode('ctc', elena.pk)}/")
    assert "In no campaign" in empty
    cast.enter(campaign, elena)
    cast.work()
    page = text(office, f"/campaigns/of/{publicids.encode('ctc', elena.pk)}/")
    assert campaign.name in page
    assert "at the latest" in page
    assert "Version 1" in page


def test_the_journeys_cost_the_same_however_many(office: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as told:
            text(office, f"/campaigns/of/{publicids.encode('ctc', elena.pk)}/")
        return len(told)

    elena = cast.person("Elena")
    cast.enter(cast.publish(cast.mail("e1")), elena)
    cast.work()
    text(office, f"/campaigns/of/{publicids.encode('ctc', elena.pk)}/")
    few = queries()
    for _ in range(3):
        cast.enter(cast.publish(cast.wait("w1"), cast.mail("e1")), elena)
    cast.work()
    assert queries() == few


def test_messages_their_limit_and_their_preference_page(office: Client) -> None:
    elena = cast.person("Elena")
    number = publicids.encode("ctc", elena.pk)
    assert "href" not in text(office, f"/contacts/{number}/preferences/")
    cast.allow([elena], "email")
    cast.enter(cast.publish(cast.mail("e1")), elena)
    cast.work()
    assert "Waiting" in text(office, f"/contacts/{number}/messages/")
    while delivery.deliver():
        pass
    assert "Sent" in text(office, f"/contacts/{number}/messages/")
    assert "/p/" in text(office, f"/contacts/{number}/preferences/")
    assert "1 of 3 allowed" in text(office, f"/contacts/{number}/limit/")
    assert counted.of(elena.pk, "Europe/Madrid", clock.now()).free_at is None
    assert counted.of(elena.pk, "Europe/Madrid", cast.later(days=7)).used == 0
