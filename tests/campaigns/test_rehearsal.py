"""A draft walked through by one person on paper."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import lifecycle, rehearsal
from campaigns.models import Campaign, Edit, Enrolment
from campaigns.rehearsal import Choices, Traveler
from channels.models import Message
from crm import publicids
from crm.models import Contact, Event, Workspace
from tests.campaigns import cast, office

pytestmark = pytest.mark.django_db
EXAMPLE = Path(__file__).parents[2] / "campaigns" / "examples" / "abandoned_cart.json"
# A Monday, in the evening of Madrid.
START = datetime(2026, 6, 8, 17, 30, tzinfo=UTC)
CART = {"event": "Cart Updated", "properties": {"cart_id": "A", "products": [{"sku": "shoe"}]}}
WRITES = ("INSERT", "UPDATE", "DELETE", "LOCK", "SELECT NEXTVAL")


@pytest.fixture(autouse=True)
def _house() -> None:
    office.house(zone="Europe/Madrid", quiet_from="21:00", quiet_until="09:00", cap_messages=3, cap_days=7)


def example() -> dict[str, Any]:
    found = json.loads(EXAMPLE.read_text())
    assert isinstance(found, dict)
    return found


def told(walk: rehearsal.Walk) -> list[tuple[str, ...]]:
    """Each stop in a line: when, where, how it was decided, by which way, what became of its message."""
    return [
        (
            f"{stop.at:%d %H:%M}", stop.step, stop.reason, stop.port,
            f"{stop.post.state}:{stop.post.reason}" if stop.post else "",
        )
        for stop in walk.stops
    ]  # fmt: skip


def marta(*, email: bool = True, sms: bool = True) -> Contact:
    cast.at_noon()
    return cast.person("Marta", email=email, sms=sms)


def walk(document: dict[str, Any], person: Contact | None = None, choices: Choices | None = None) -> rehearsal.Walk:
    traveler = Traveler(person.pk, person.zone, str(person.draw)) if person else Traveler(0, "Europe/Madrid")
    return rehearsal.walk(document, traveler, CART, choices or Choices(), START, salt="salt")


def test_the_abandoned_cart_goes_as_it_always_went() -> None:
    """Golden: an hour of quiet, the mail, two days, then the text message in quiet hours: sent at nine."""
    found = walk(example(), marta())
    assert found.enters == datetime(2026, 6, 8, 18, 30, tzinfo=UTC)
    assert told(found) == [
        ("08 18:30", "mail", "planned", "sent", "sent:"),
        ("08 18:30", "two_days", "until", "next", ""),
        ("10 18:30", "text_allowed", "branch", "sms", ""),
        ("10 18:30", "text", "planned", "sent", "sent:"),
    ]
    assert found.stops[1].until == datetime(2026, 6, 10, 18, 30, tzinfo=UTC)
    assert found.stops[1].left_by == "elapsed"
    assert "SMS" in found.stops[2].why or "sms" in found.stops[2].why
    assert (found.outcome, found.converted, found.problems) == ("completed", False, {})


def test_in_the_evening_messages_wait_for_the_morning() -> None:
    late = START.replace(hour=18, minute=15)  # 20:15 in Madrid, an hour of quiet leads into quiet hours
    found = rehearsal.walk(example(), Traveler(marta().pk, "Europe/Madrid"), CART, Choices(), late, salt="salt")
    first = found.stops[0].post
    assert first is not None
    assert first.put_off == ((datetime(2026, 6, 9, 7, tzinfo=UTC), "quiet_hours"),)
    assert first.at == datetime(2026, 6, 9, 7, tzinfo=UTC)
    assert found.stops[1].until == datetime(2026, 6, 11, 7, tzinfo=UTC), "two days are counted from when it went"


def test_without_a_yes_for_mails_it_says_why_and_goes_on() -> None:
    found = walk(example(), marta(email=False, sms=False))
    assert told(found)[0] == ("08 18:30", "mail", "planned", "not_sent", "not_sent:consent_withdrawn")
    assert told(found)[2][2:4] == ("else", "else")
    assert found.stops[2].not_these, "the rule that did not hold is told"
    assert found.outcome == "dropped"


def test_a_purchase_on_the_way_ends_it() -> None:
    found = walk(example(), marta(), Choices(buys_after=1))
    assert [stop.step for stop in found.stops] == ["mail", "two_days"]
    assert (found.outcome, found.ended_by, found.converted) == ("converted", "Order Completed", True)
    assert found.ended_at == datetime(2026, 6, 9, 17, 30, tzinfo=UTC)


def test_enough_messages_this_week_put_the_next_one_off() -> None:
    Workspace.objects.update(cap_messages=1, cap_days=2)
    office.house(cap_messages=1, cap_days=1)
    document = cast.document(cast.mail("e1"), cast.mail("e2"))
    found = rehearsal.walk(document, Traveler(marta().pk, "Europe/Madrid"), {}, Choices(), START)
    second = found.stops[1].post
    assert second is not None
    # A day later it would be useful no more: the mail expires after 24 hours.
    assert (second.state, second.reason) == ("not_sent", "cap")


def test_opens_and_clicks_end_a_wait_for_them() -> None:
    document = cast.document(cast.mail("e1"), cast.wait_for("Message Clicked"))
    for choices, port in ((Choices(clicks=True), "came"), (Choices(), "timeout")):
        found = rehearsal.walk(document, Traveler(0, "Europe/Madrid"), {}, choices, START)
        assert found.stops[1].port == port
    clicked = rehearsal.walk(document, Traveler(0, "Europe/Madrid"), {}, Choices(clicks=True), START)
    assert clicked.stops[1].did == "Message Clicked"
    assert clicked.stops[1].left_at is not None
    assert f"{clicked.stops[1].left_at:%H:%M}" == "17:52"


def test_somebody_held_out_can_be_walked_as_such() -> None:
    document = cast.document(cast.mail("e1"), holdout_pct=50)
    draw = next(str(n) for n in range(99) if rehearsal.chance.held_out("salt", str(n), 50))
    person = Traveler(0, "Europe/Madrid", draw)
    treated = rehearsal.walk(document, person, {}, Choices(), START, salt="salt")
    held = rehearsal.walk(document, person, {}, Choices(treated=False), START, salt="salt")
    assert treated.held_out
    assert held.held_out
    assert told(treated)[0][4] == "sent:"
    assert told(held)[0][4] == "held_out:holdout_campaign"


def test_a_draft_that_is_not_complete_goes_as_far_as_it_can() -> None:
    document = example()
    document["steps"][2]["lanes"][0]["steps"][0]["config"] = {}
    document["steps"].append({"id": "thanks", "type": "send.email", "config": {"subject": "Bye", "text": "Bye"}})
    del document["purpose"]
    found = walk(document, marta())
    assert [stop.step for stop in found.stops] == ["mail", "two_days", "text_allowed", "text"]
    assert found.stops[-1].broken
    assert found.outcome == ""
    assert [each.code for each in found.problems["text"]] == ["required"]
    assert [each.code for each in found.problems[""]] == ["required"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"steps": 5, "entry": "x"},
        {"steps": [{"id": "g", "type": "goto", "config": {"step": "gone"}}, {"id": "g", "type": "goal"}]},
        {"steps": [{"type": "wait.event"}, 7, {"id": "x", "type": "nothing", "lanes": [{"label": "else"}]}]},
        {"name": "n", "steps": [{"id": "s", "type": "split.rule", "lanes": [{"label": "a", "when": {"f": 1}}]}]},
    ],
)
def test_nothing_that_a_draft_holds_breaks_it(document: dict[str, Any]) -> None:
    found = walk(document)
    assert found.problems


def test_a_loop_ends() -> None:
    document = cast.document(cast.wait("w1", 1), {"id": "g", "type": "goto", "config": {"step": "w1", "max_visits": 4}})
    found = rehearsal.walk(document, Traveler(0, "UTC"), {}, Choices(), START)
    assert [stop.visit for stop in found.stops if stop.step == "w1"] == [1, 2, 3, 4]
    assert found.outcome == "completed"


# --- the page -------------------------------------------------------------------------------------


def page(client: Client, campaign: Campaign, **query: str) -> str:
    answer = client.get(office.at(campaign, "rehearse/"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def ready(document: dict[str, Any] | None = None) -> tuple[Client, Campaign, dict[str, str]]:
    person = marta()
    campaign = lifecycle.begin(document or example(), cast.ADA, cast.NOON)
    query = {"contact": publicids.encode("ctc", person.pk), "start": "2026-06-08T19:30", "walk": "1"}
    return office.at_work(), campaign, query


def test_the_page_shows_the_whole_way_with_its_reasons() -> None:
    client, campaign, query = ready()
    html = page(client, campaign, **query)
    for words in (
        "Marta",
        "Mon 8 Jun",
        "20:30",
        "Still yours",
        "Sent",
        "Wed 10 Jun",
        "Split by rule",
        "End of the walk",
    ):
        assert words in html, words
    assert "/rehearse/mail/message/" in html


def test_before_it_is_asked_for_the_page_shows_its_form_only() -> None:
    client, campaign, _query = ready()
    html = page(client, campaign)
    assert "Start the walk" in html
    assert "End of the walk" not in html


def test_a_rehearsal_writes_nothing_and_sends_nothing() -> None:
    client, campaign, query = ready()
    page(client, campaign, **query)
    before = (Event.objects.count(), Message.objects.count(), Enrolment.objects.count(), Edit.objects.count())
    with CaptureQueriesContext(
        connection,
    ) as seen:
        page(client, campaign, **query)
        client.get(office.at(campaign, "rehearse/mail/message/"), query)
    wrote = [each["sql"][:120] for each in seen.captured_queries if each["sql"].upper().lstrip().startswith(WRITES)]
    assert wrote == []
    assert before == (
        Event.objects.count(), Message.objects.count(), Enrolment.objects.count(), Edit.objects.count()
    )  # fmt: skip


def test_the_number_of_queries_does_not_grow_with_the_steps() -> None:
    client, campaign, query = ready()
    long = example()
    for number in range(6):
        long["steps"].insert(2, {**deepcopy(long["steps"][0]), "id": f"mail{number}"})
        long["steps"].insert(2, {**deepcopy(long["steps"][1]), "id": f"wait{number}"})
    page(client, campaign, **query)
    with CaptureQueriesContext(connection) as few:
        page(client, campaign, **query)
    Campaign.objects.filter(pk=campaign.pk).update(document=long)
    with CaptureQueriesContext(connection) as many:
        page(client, campaign, **query)
    assert len(many) == len(few)


def test_a_mail_of_the_walk_is_a_page_of_its_own_for_a_frame() -> None:
    client, campaign, query = ready()
    answer = client.get(office.at(campaign, "rehearse/mail/message/"), query)
    assert answer.status_code == 200
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "Dear Marta" in answer.content.decode()
    assert client.get(office.at(campaign, "rehearse/nothing/message/"), query).status_code == 404


def test_properties_can_be_typed_and_what_is_no_object_is_told() -> None:
    client, campaign, query = ready()
    html = page(
        client, campaign, **query, properties='{"cart_id": "B", "products": [{"sku": "hat", "name": "Red hat"}]}'
    )
    assert "End of the walk" in html
    html = page(client, campaign, **query, properties="[1")
    assert "is no JSON object" in html
    assert "End of the walk" not in html


def test_who_may_not_read_contacts_walks_the_made_up_person() -> None:
    _client, campaign, query = ready()
    agent = office.at_work("call_agent", "Cora")
    assert agent.get(office.at(campaign, "rehearse/"), query).status_code == 403


def test_the_draft_is_walked_not_the_live_version() -> None:
    client, campaign, query = ready(cast.document(cast.mail("e1")))
    lifecycle.publish(campaign, actor=cast.ADA, now=cast.NOON)
    Campaign.objects.filter(pk=campaign.pk).update(document=cast.document(cast.wait("w9", 3), cast.mail("e1")))
    assert "Wait 3 days" in page(client, campaign, **query)
