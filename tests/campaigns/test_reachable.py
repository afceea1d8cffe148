"""Who can receive a step: sixty-one people next in line, each in exactly one bucket."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle, reachable
from campaigns.models import Campaign
from channels.models import Message
from crm import clock, suppression
from crm.models import Contact, Segment
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
SMS_FOR_OTHERS = [
    {"label": "sent", "steps": []},
    {
        "label": "not_sent",
        "steps": [{"id": "m1", "type": "send.sms", "config": {"text": "Come and see. Stop: {{ links.unsubscribe }}"}}],
    },
]


def mail(**more: Any) -> dict[str, Any]:
    return {**cast.mail("e1"), **more}


def wrote(contacts: list[Contact], days_ago: float) -> None:
    """They have had a message that counts."""
    at = clock.now() - timedelta(days=days_ago)
    Message.objects.bulk_create([
        Message(
            contact=each, channel="email", message_class="marketing", state="due", due_at=at, counted_at=at,
            created_at=at,
        )
        for each in contacts
    ])  # fmt: skip


def sixty_one(**step: Any) -> tuple[Campaign, list[Contact]]:
    """48 who get it, 7 over the limit until tomorrow, 6 without a yes for e-mails; all wait for two days."""
    office.house(cap_messages=1, cap_days=7, quiet_from="21:00", quiet_until="09:00")
    cast.at_noon()
    people = cast.people(61)
    cast.allow(people[:55], "email")
    cast.allow(people[55:], "sms")
    campaign = cast.publish(cast.wait("w1", 2), mail(**step))
    for person in people:
        cast.enter(campaign, person)
    cast.work()
    wrote(people[48:55], 6.5)
    return campaign, people


def numbers(campaign: Campaign, step: str = "e1") -> dict[str, int]:
    found = reachable.of(campaign, step, clock.now())
    assert found is not None
    return {bucket.key: bucket.count for bucket in found.buckets}


def test_sixty_one_next_in_line_are_forty_eight_seven_and_six() -> None:
    campaign, _people = sixty_one(lanes=SMS_FOR_OTHERS)
    found = reachable.of(campaign, "e1", clock.now())
    assert found is not None
    assert (found.basis, found.total, found.cut, found.other) == ("line", 61, False, "sms")
    assert numbers(campaign) == {"now": 48, "later.cap": 7, "via.consent_missing": 6}
    later = next(bucket for bucket in found.buckets if bucket.key == "later.cap")
    assert later.first is not None
    assert abs(later.first - (clock.now() + timedelta(days=0.5))) < timedelta(hours=12)


def test_each_number_is_exactly_its_list_and_the_lists_add_up() -> None:
    campaign, people = sixty_one()
    lists = {key: reachable.people(campaign, "e1", key) for key in numbers(campaign)}
    assert {key: len(found) for key, found in lists.items()} == numbers(campaign)
    assert sorted(each for found in lists.values() for each in found) == sorted(each.pk for each in people)
    assert lists["later.cap"] == sorted(each.pk for each in people[48:55])
    assert lists["not.consent_missing"] == sorted(each.pk for each in people[55:])
    first = reachable.people(campaign, "e1", "now", 0, 20)
    rest = reachable.people(campaign, "e1", "now", first[-1], 100)
    assert first + rest == lists["now"]
    assert reachable.people(campaign, "e1", "") == sorted(each.pk for each in people)


def test_the_page_of_people_lists_exactly_those_behind_a_number() -> None:
    campaign, _people = sixty_one(lanes=SMS_FOR_OTHERS)
    ada = office.at_work()
    query = {"what": "can_receive", "step": "e1", "bucket": "via.consent_missing"}
    html = " ".join(ada.get(office.at(campaign, "people/"), query).content.decode().split())
    assert "6 people" in html
    assert html.count("/contacts/ctc_") == 6
    assert "Another way: No consent" in html
    ada.post(office.at(campaign, "people/segment/"), {**query, "bucket": "later.cap"})
    assert Segment.objects.latest("pk").name.endswith("Enough messages this week")


def test_the_number_of_queries_is_the_same_for_five_and_for_sixty_one() -> None:
    campaign, people = sixty_one(lanes=SMS_FOR_OTHERS)
    few = cast.publish(cast.wait("w1", 2), mail(lanes=SMS_FOR_OTHERS))
    for person in (*people[:2], *people[50:52], people[60]):
        cast.enter(few, person)
    cast.work()
    numbers(few), numbers(campaign)
    with CaptureQueriesContext(connection) as five:
        assert sum(numbers(few).values()) == 5
    with CaptureQueriesContext(connection) as all_of_them:
        numbers(campaign)
    assert len(five) == len(all_of_them) <= 9, "one of them asks for wishes"


def test_in_quiet_hours_it_says_until_when() -> None:
    campaign, _people = sixty_one()
    cast.later(hours=9)  # 23:00 in Madrid
    found = reachable.of(campaign, "e1", clock.now())
    assert found is not None
    quiet = next(bucket for bucket in found.buckets if bucket.key == "later.quiet_hours")
    assert quiet.count == 55, "quiet hours come before the limit of messages"
    assert quiet.first == quiet.last == datetime.fromisoformat("2026-06-11T07:00:00+00:00")


def test_suppressed_people_and_those_without_an_address_have_their_own_reason() -> None:
    campaign, people = sixty_one()
    known = suppression.address_hash("email", f"p{people[0].pk}@example.com")
    suppression.suppress("email", [known], "bounce", now=clock.now())
    people[1].identifiers.filter(kind="email").delete()
    assert numbers(campaign)["not.channel_suppressed_bounce"] == 1
    assert numbers(campaign)["not.no_address"] == 1
    assert numbers(campaign)["now"] == 46


def test_those_who_passed_the_step_are_not_next_in_line() -> None:
    office.house()
    cast.at_noon()
    person = cast.person()
    campaign = cast.publish(mail(), cast.wait("w1", 2), cast.mail("e2"))
    run = cast.run(cast.enter(campaign, person))
    cast.work()
    assert numbers(campaign) == {"now": 1}, "the mail is being sent"
    cast.settle(cast.run(run.pk).message_id or 0)
    cast.work()
    assert numbers(campaign, "e2") == {"now": 1}
    found = reachable.of(campaign, "e1", clock.now())
    assert found is not None
    assert found.basis == "audience"


def test_of_a_draft_it_is_those_who_would_come_in() -> None:
    office.house()
    cast.at_noon()
    people = cast.people(5)
    cast.allow(people[:3], "email")
    segment = cast.segment(people)
    draft = office.draft(mail(), entry=[{"type": "segment", "segment": f"{segment.pk}", "mode": "current"}])
    found = reachable.of(draft, "e1", clock.now())
    assert found is not None
    assert (found.basis, found.total) == ("audience", 5)
    assert numbers(draft) == {"now": 3, "not.consent_missing": 2}
    by_hand = reachable.of(office.draft(mail()), "e1", clock.now())
    assert by_hand is not None
    assert (by_hand.unknown, by_hand.total) == (True, 0)


def test_who_is_held_out_is_told_apart() -> None:
    office.house()
    cast.at_noon()
    people = cast.people(40)
    cast.allow(people, "email")
    segment = cast.segment(people)
    entry = [{"type": "segment", "segment": f"{segment.pk}", "mode": "current"}]
    draft = office.draft(mail(), entry=entry, holdout_pct=50)
    found = numbers(draft)
    assert found["apart"] + found["now"] == 40
    assert found["apart"] > 0


def test_only_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, people = sixty_one()
    monkeypatch.setattr(reachable, "MOST", 10)
    found = reachable.of(campaign, "e1", clock.now())
    assert found is not None
    assert (found.total, found.cut) == (10, True)
    assert reachable.people(campaign, "e1", "") == sorted(each.pk for each in people)[-10:]


def test_a_step_that_sends_nothing_has_no_bar() -> None:
    campaign = lifecycle.begin(cast.document(cast.wait()), cast.ADA, cast.NOON)
    assert reachable.of(campaign, "w1", cast.NOON) is None
    assert reachable.of(campaign, "gone", cast.NOON) is None
    assert reachable.people(campaign, "gone", "now") == []
