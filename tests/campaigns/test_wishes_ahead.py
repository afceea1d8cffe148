"""What people wish is known before a message is written: the bar of a step and the walk say what the gate will do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import reachable, rehearsal
from campaigns.models import Campaign
from campaigns.rehearsal import Choices, Traveler
from channels.models import Message
from channels.outbox import delivery
from crm import clock, consent, topics, wishes
from crm.models import Contact
from crm.wishes import Wishes
from tests.campaigns import cast, office
from tests.campaigns.test_reachable import SMS_FOR_OTHERS, numbers, wrote

pytestmark = pytest.mark.django_db
TRAVEL = frozenset({"travel"})
OFTEN = ("", "week", "month")
SAID = ("granted", "paused", "withdrawn", "")
WROTE = (None, 3, 10)
SIX_DAYS = {"value": 6, "unit": "days"}  # what is put off for longer does not go


@pytest.fixture(autouse=True)
def _house() -> None:
    office.house()
    cast.at_noon()
    topics.add("travel", {"en": "Travel"}, actor="user:1")


def everybody() -> list[Contact]:
    """One of each kind: how often, whether about travel, what they said, and when we wrote."""
    kinds = list(product(OFTEN, (False, True), SAID, WROTE))
    people = cast.people(len(kinds))
    for contact, (often, without, said, days) in zip(people, kinds, strict=True):
        if often or without:
            wishes.keep(contact.pk, Wishes(often, "", TRAVEL if without else frozenset()), source="p", now=clock.now())
        if said:
            cast.allow([contact], "email")
        if said == "paused":
            take_a_break(contact)
        elif said == "withdrawn":
            cast.allow([contact], "email", "withdrawn")
        if days is not None:
            wrote([contact], days)
    return people


def take_a_break(contact: Contact) -> None:
    now = clock.now()
    pause = consent.Statement(
        contact_id=contact.pk, purpose="offers", channel="email", action="paused", basis="consent",
        method="pref_centre", source="page", occurred_at=now, until=now + timedelta(days=30),
    )  # fmt: skip
    consent.record([pause], now=now)


def became(campaign: Campaign) -> dict[int, str]:
    """What the gate did with each, in the words of the bar."""
    cast.work()
    while delivery.deliver():
        pass
    kinds = {"accepted": "now", "due": "later", "blocked": "not", "expired": "not"}
    return {
        row.contact_id: ".".join(filter(None, (kinds[row.state], row.reason)))
        for row in Message.objects.filter(campaign_id=campaign.pk)
    }


@pytest.mark.parametrize("message_class", ["marketing", "transactional"])
def test_the_bar_says_of_everybody_what_the_gate_does(message_class: str) -> None:
    people = everybody()
    campaign = cast.publish(cast.mail("e1"), topic="travel", send_expiry=SIX_DAYS, **{"class": message_class})
    for each in people:
        cast.enter(campaign, each)
    told = {
        contact: bucket.key
        for bucket in (reachable.of(campaign, "e1", clock.now()) or pytest.fail("no bar")).buckets
        for contact in reachable.people(campaign, "e1", bucket.key, now=clock.now())
    }
    assert told == became(campaign)
    counts = Counter(told.values())
    if message_class == "marketing":
        assert {"now", "later.cap", "not.topic_unwanted", "not.consent_missing"} <= set(counts)
        assert counts["not.topic_unwanted"] == len(people) // 2
    else:
        assert counts == {"now": len(people)}, "a transactional mail asks nobody's wishes"


def test_the_same_of_each_on_the_walk() -> None:
    people = everybody()
    campaign = cast.publish(cast.mail("e1"), topic="travel", send_expiry=SIX_DAYS)
    kinds = {"sent": "now", "put_off": "later", "not_sent": "not"}
    walked = {}
    for each in people:
        found = rehearsal.walk(
            campaign.document, Traveler(each.pk, each.zone, str(each.draw)), {}, Choices(), clock.now(),
            campaign_id=campaign.pk,
        )  # fmt: skip
        post = found.stops[0].post
        assert post
        first = post.put_off[0][1] if post.put_off else post.reason
        walked[each.pk] = ".".join(filter(None, (kinds["put_off" if post.put_off else post.state], first)))
        cast.enter(campaign, each)
    assert walked == became(campaign)


def test_who_does_not_want_the_topic_is_not_reached_by_the_other_way_either() -> None:
    people = cast.people(3)
    cast.allow(people[:2], "email")
    cast.allow(people, "sms")
    wishes.keep(people[0].pk, Wishes(without=TRAVEL), source="p", now=clock.now())
    campaign = cast.publish({**cast.mail("e1"), "lanes": SMS_FOR_OTHERS}, topic="travel")
    for each in people:
        cast.enter(campaign, each)
    assert numbers(campaign) == {"now": 1, "via.consent_missing": 1, "not.topic_unwanted": 1}


def test_the_questions_are_the_same_for_one_and_for_all_of_them() -> None:
    people = everybody()
    few, many = (cast.publish(cast.mail("e1"), topic="travel") for _ in range(2))
    cast.enter(few, people[0])
    for each in people:
        cast.enter(many, each)
    numbers(few), numbers(many)
    with CaptureQueriesContext(connection) as one:
        numbers(few)
    with CaptureQueriesContext(connection) as all_of_them:
        numbers(many)
    assert len(one) == len(all_of_them)
