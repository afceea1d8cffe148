"""Pause, resume, finish, stop: whom it touches is said first, exactly, and then it is done."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle, sweeps
from campaigns.models import Campaign, Enrolment
from campaigns.views import steering
from channels.models import Message
from crm import clock
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db


@pytest.fixture
def live() -> Campaign:
    """Three are inside, two of them with a mail on its way; one waits to come in."""
    cast.at_noon()
    office.house()
    made = cast.publish(
        cast.mail(),
        cast.wait(),
        **{**cast.CART, "entry": [*cast.CART["entry"], {"type": "manual", "reentry": "always"}]},
    )
    crowd = cast.people(4)
    for contact in crowd[:3]:
        cast.enter(made, contact)
    cast.work()
    cast.settle(Message.objects.earliest("pk").pk)
    cast.work()
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(state="claimed")
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(state="handing_off", started_at=clock.real())
    cast.happen(crowd[3], "Cart Updated", cart_id="c9")
    cast.react()
    return made


@pytest.fixture
def ada() -> Client:
    return office.at_work()


@pytest.mark.parametrize("verb", ["pause", "finish", "stop"])
def test_the_numbers_are_exact_and_take_one_query(ada: Client, live: Campaign, verb: str) -> None:
    answer = ada.get(office.at(live, f"steer/{verb}/"))
    touched = answer.context["touched"]
    assert (touched.people, touched.messages, touched.waiting) == (3, 2, 1)
    assert re.search(r'id="touched-people">\s*3\s*<', answer.content.decode())
    with CaptureQueriesContext(connection) as seen:
        steering.touched(live)
    assert len(seen) == 1
    live.refresh_from_db()
    assert live.state == "live"  # looking does nothing


def test_paused_and_resumed(ada: Client, live: Campaign) -> None:
    page = ada.post(office.at(live, "steer/pause/"), follow=True).content.decode()
    assert "Paused. 3 people wait where they are, 2 messages are held." in page
    live.refresh_from_db()
    assert live.state == "paused"
    assert "steer/resume/" in page
    cast.work()
    assert set(Enrolment.objects.values_list("state", flat=True)) == {"held"}
    page = ada.post(office.at(live, "steer/resume/"), follow=True).content.decode()
    assert "It goes on." in page
    live.refresh_from_db()
    assert live.state == "live"


def test_finished_and_stopped(ada: Client, live: Campaign) -> None:
    ada.post(office.at(live, "steer/finish/"))
    live.refresh_from_db()
    assert live.state == "finished"
    page = ada.post(office.at(live, "steer/stop/"), follow=True).content.decode()
    assert "Stopped. 3 people leave, 2 messages were called back." in page
    cast.work()
    assert set(Enrolment.objects.values_list("state", flat=True)) == {"done"}


def test_how_far_the_background_has_come(ada: Client, live: Campaign) -> None:
    lifecycle.pause(live, cast.ADA, clock.now())
    answer = ada.get(office.at(live, "sweep/"))
    assert (answer.context["left"], answer.context["all"]) == (3, 3)
    sweeps.tick(2)
    answer = ada.get(office.at(live, "sweep/"))
    assert (answer.context["left"], answer.context["done"]) == (1, 2)
    assert "every 2s" in answer.content.decode()
    cast.work()
    assert "every 2s" not in ada.get(office.at(live, "sweep/")).content.decode()


def test_what_is_not_possible_is_said(ada: Client, live: Campaign) -> None:
    draft = office.draft(cast.mail())
    assert "in another state" in ada.get(office.at(draft, "steer/stop/")).content.decode()
    page = ada.post(office.at(draft, "steer/stop/"), follow=True).content.decode()
    assert "That is not possible now" in page
    assert ada.get(office.at(live, "steer/explode/")).status_code == 404


def test_who_may_not_publish_may_not_steer(live: Campaign) -> None:
    for role, name in (("analyst", "Chiara"), ("developer", "Dario")):
        client = office.at_work(role, name)
        for verb in ("pause", "stop"):
            assert client.get(office.at(live, f"steer/{verb}/")).status_code == 403
            assert client.post(office.at(live, f"steer/{verb}/")).status_code == 403
        assert "steer/" not in client.get(office.at(live)).content.decode()
    live.refresh_from_db()
    assert live.state == "live"
