"""A campaign is about something, and who can do without it gets nothing of it."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns.models import Campaign
from channels.models import Message
from channels.outbox import delivery
from crm import clock, topics, wishes
from crm.wishes import Wishes
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db


def test_elena_can_do_without_travel_and_gets_no_letter_about_it() -> None:
    cast.at_noon()
    topics.add("travel", {"en": "Travel"}, actor="user:1")
    campaign = cast.publish(cast.mail("mail"), topic="travel")
    elena, dario = cast.person("Elena"), cast.person("Dario")
    wishes.keep(elena.pk, Wishes(without=frozenset({"travel"})), source="page", now=clock.now())
    for each in (elena, dario):
        cast.enter(campaign, each)
    cast.work()
    while delivery.deliver():
        pass
    found = {row.contact_id: (row.state, row.reason) for row in Message.objects.all()}
    assert found == {elena.pk: ("blocked", "topic_unwanted"), dario.pk: ("accepted", "")}


def test_a_campaign_about_something_else_reaches_her() -> None:
    cast.at_noon()
    for key in ("travel", "running"):
        topics.add(key, {"en": key}, actor="user:1")
    elena = cast.person("Elena")
    wishes.keep(elena.pk, Wishes(without=frozenset({"travel"})), source="page", now=clock.now())
    for topic in ("running", ""):
        cast.enter(cast.publish(cast.mail("mail"), topic=topic), elena)
    cast.work()
    while delivery.deliver():
        pass
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}


def test_ada_chooses_the_topic_beside_the_limits() -> None:
    office.house()
    topics.add("travel", {"en": "Travel and trips"}, actor="user:1")
    ada: Client = office.at_work()
    campaign = office.draft(cast.mail("mail"))
    page = ada.get(office.at(campaign)).content.decode()
    assert "Travel and trips" in page
    assert Campaign.objects.get().document.get("topic") is None
