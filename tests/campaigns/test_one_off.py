"""One message to a segment: written, tested, scheduled, called off, and followed on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from campaigns import drafts, entries, one_off
from campaigns.models import Campaign
from channels.models import Message, SandboxMessage
from channels.outbox import delivery
from crm import clock, publicids
from crm.models import Membership, User
from tests.campaigns import cast

pytestmark = pytest.mark.django_db
WORDS = {"subject": "News", "text": "Come and see {{ links.unsubscribe }}"}


@pytest.fixture
def office(client: Client) -> Client:
    cast.at_noon()
    ada = User.objects.create_user("ada@example.com", "cauce-demo-2026", name="Ada")
    Membership.objects.create(user=ada, role="marketer")
    client.force_login(ada)
    return client


def begun(office: Client, *contacts: Any, channel: str = "email", **said: Any) -> Campaign:
    segment = cast.segment(contacts)
    answer = office.post(
        "/campaigns/one-off/new/",
        {"name": "Sunday", "segment": segment.pk, "channel": channel, "purpose": "offers", "holdout_pct": "0",
         "why": "Everybody shall know", **said},
    )  # fmt: skip
    assert answer.status_code == 302, answer.content.decode()
    campaign = Campaign.objects.get()
    assert answer["Location"].endswith(f"/{publicids.encode('cmp', campaign.pk)}/journey/steps/message/message/")
    return campaign


def written(office: Client, *contacts: Any, **said: Any) -> Campaign:
    campaign = begun(office, *contacts, **said)
    command = {"do": "configure", "step": "message", "config": WORDS}
    return drafts.apply(campaign, command, revision=None, actor=cast.ADA, now=clock.now())


def at(campaign: Campaign, tail: str = "") -> str:
    return f"/campaigns/{publicids.encode('cmp', campaign.pk)}/one-off/{tail}"


def fresh(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("version").get(pk=campaign.pk)


def deliver() -> None:
    cast.work()
    while delivery.deliver():
        pass
    cast.work()


def test_it_is_a_campaign_underneath(office: Client) -> None:
    campaign = begun(office, cast.person())
    document = campaign.document
    assert one_off.is_one(document)
    assert document["entry"][0]["type"] == "schedule"
    assert document["holdout_pct"] == 0
    assert document["description"] == "Everybody shall know"
    assert not one_off.is_one(cast.document(cast.mail(), cast.wait()))
    assert not one_off.is_one({})


def test_no_control_group_needs_a_reason(office: Client) -> None:
    segment = cast.segment([cast.person()])
    answer = office.post(
        "/campaigns/one-off/new/",
        {"name": "x", "segment": segment.pk, "channel": "email", "purpose": "offers", "holdout_pct": "0", "why": ""},
    )
    assert answer.status_code == 422
    assert "Say why nobody is held out." in answer.content.decode()
    assert Campaign.objects.count() == 0


def test_a_message_that_is_not_written_does_not_go(office: Client) -> None:
    campaign = begun(office, cast.person())
    page = office.get(at(campaign)).content.decode()
    assert "still says" in page
    answer = office.post(at(campaign, "schedule/"), {"when": "now"})
    assert answer.status_code == 422
    assert fresh(campaign).state == "draft"


@pytest.mark.django_db(transaction=True)
def test_sent_now_it_reaches_who_may_be_reached_and_says_why_not(office: Client) -> None:
    elena, chiara = cast.person("Elena"), cast.person("Chiara", email=False)
    campaign = written(office, elena, chiara)
    page = office.get(at(campaign)).content.decode()
    assert "2 people" in page
    assert "Send to 1 person" in page
    assert office.post(at(campaign, "schedule/"), {"when": "now"}).status_code == 302
    deliver()
    found = one_off.progress(fresh(campaign))
    assert (found.sent, found.left, found.refused) == (1, 0, {"consent_withdrawn": 1})
    assert SandboxMessage.objects.get().subject == "News"
    page = office.get(at(campaign)).content.decode()
    assert "Done" in page
    assert "They said no" in page or "consent" in page
    assert "hx-trigger" not in office.get(at(campaign, "progress/")).content.decode()


def test_scheduled_in_the_zone_of_each_recipient(office: Client) -> None:
    madrid, moscow = cast.person("Elena"), cast.person("Masha", zone="Europe/Moscow")
    campaign = written(office, madrid, moscow)
    answer = office.post(at(campaign, "schedule/"), {"when": "at", "at": "2026-06-12T10:00", "zone": "contact"})
    assert answer.status_code == 302
    found = one_off.progress(fresh(campaign))
    assert {each.zone: each.due_at.hour for each in found.moments} == {"Europe/Madrid": 8, "Europe/Moscow": 7}
    assert (found.sent, found.left) == (0, 2)
    page = office.get(at(campaign)).content.decode()
    assert "Scheduled" in page
    assert "Call it off" in page


def test_a_moment_that_has_passed_is_refused(office: Client) -> None:
    campaign = written(office, cast.person())
    for said in ({"when": "at", "at": "2026-06-01T10:00", "zone": "workspace"}, {"when": "at", "at": ""}):
        assert office.post(at(campaign, "schedule/"), said).status_code == 422
    assert fresh(campaign).state == "draft"


def test_called_off_before_its_moment_it_is_a_draft_again(office: Client) -> None:
    campaign = written(office, cast.person())
    office.post(at(campaign, "schedule/"), {"when": "at", "at": "2026-06-12T10:00", "zone": "workspace"})
    assert fresh(campaign).state == "live"
    office.post(at(campaign, "cancel/"))
    assert fresh(campaign).state == "draft"
    clock.advance(timedelta(days=4))
    entries.tick()
    assert Message.objects.count() == 0
    assert office.get(at(campaign)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_after_the_first_hand_off_it_can_only_be_stopped(office: Client) -> None:
    people = [cast.person(f"P{number}") for number in range(3)]
    campaign = written(office, *people)
    office.post(at(campaign, "schedule/"), {"when": "now"})
    cast.work()
    held = Message.objects.order_by("pk").first()
    assert held
    Message.objects.exclude(pk=held.pk).update(due_at=clock.now() + timedelta(hours=1))
    while delivery.deliver():
        pass
    cast.react()
    found = one_off.progress(fresh(campaign))
    assert (found.sent, found.left, found.handed) == (1, 2, 1)
    page = office.get(at(campaign)).content.decode()
    assert "1 message has left already" in page
    assert "2 will not be sent" in page
    office.post(at(campaign, "cancel/"))
    assert fresh(campaign).state == "stopped"
    found = one_off.progress(fresh(campaign))
    assert (found.sent, found.left) == (1, 0)
    assert sum(found.refused.values()) == 2


def test_only_who_may_publish_sends(office: Client, client: Client) -> None:
    campaign = written(office, cast.person())
    developer = User.objects.create_user("dev@example.com", "cauce-demo-2026")
    Membership.objects.create(user=developer, role="developer")
    client.force_login(developer)
    assert client.post(at(campaign, "schedule/"), {"when": "now"}).status_code == 403
    assert client.post(at(campaign, "cancel/")).status_code == 403
    assert fresh(campaign).state == "draft"


def test_its_page_asks_as_much_for_one_as_for_many(office: Client, django_assert_max_num_queries: Any) -> None:
    campaign = written(office, *[cast.person(f"P{number}") for number in range(30)])
    office.post(at(campaign, "schedule/"), {"when": "now"})
    cast.work()
    with django_assert_max_num_queries(20):
        office.get(at(campaign))


def test_any_other_campaign_has_no_such_page(office: Client) -> None:
    campaign = cast.publish(cast.mail(), cast.wait())
    assert office.get(at(campaign)).status_code == 302
    assert office.post(at(campaign, "cancel/")).status_code == 404
    assert fresh(campaign).state == "live"


def test_the_list_of_campaigns_leads_to_it(office: Client) -> None:
    campaign = begun(office, cast.person())
    page = office.get("/campaigns/").content.decode()
    assert "/campaigns/one-off/new/" in page
    assert at(campaign) in page
