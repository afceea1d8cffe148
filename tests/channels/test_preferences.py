"""Elena's preference page: how often, about what, by which channel, in which language, and why."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels import counted
from channels.models import Message
from channels.outbox import delivery
from crm import clock, consent, ledger, registry, replay, topics, wishes
from crm.errors import Problem
from crm.models import AuditEntry, ConsentReceipt, Contact, Event, Topic, User, Wish
from crm.wishes import Wishes
from tests.channels import people
from tests.channels.test_pages import path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()


@pytest.fixture
def web() -> Client:
    return Client()


@pytest.fixture
def elena() -> tuple[Contact, str]:
    """She allows offers by e-mail and SMS, and got a letter; the address of her page."""
    person = people.people(1, name="Elena", granted=("email", "sms"))[0]
    [number] = people.ask([person])
    while delivery.deliver():
        pass
    return person, path("preferences", number)


def may(contact: Contact, purpose: str = "offers", channel: str = "email") -> bool:
    return isinstance(consent.allowed(contact.pk, purpose, channel, clock.now()), consent.Allow)


def of(contact: Contact) -> Wishes:
    return wishes.of([contact.pk]).get(contact.pk, wishes.NONE)


def undo_of(html: str) -> dict[str, str]:
    form = re.search(r'role="status">.*?<form method="post">(.*?)</form>', html, re.DOTALL)
    assert form
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form[1]))


def test_looking_changes_nothing(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    for method in (web.get, web.head):
        assert method(url).status_code == 200
    assert not Wish.objects.exists()
    assert may(person)


def test_she_wants_one_a_week_about_running_by_sms_in_spanish(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    for key in ("running", "travel"):
        topics.add(key, {"en": key.title(), "es": f"{key}-es"}, actor="user:1")
    page = web.post(url, {"often": "week", "favourite": "sms", "language": "es", "was.topic.running": "on",
                          "topic.running": "on", "was.topic.travel": "on"}).content.decode()  # fmt: skip
    assert of(person) == Wishes("week", "sms", frozenset({"travel"}))
    person.refresh_from_db()
    assert person.language == "es"
    assert "travel-es" in page
    assert Event.objects.filter(contact=person, name="Wishes Changed").count() == 1
    web.post(url, undo_of(page))
    assert of(person) == wishes.NONE
    assert may(person)


def test_a_page_without_the_topics_leaves_them_as_they_are(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    topics.add("travel", {"en": "Travel"}, actor="user:1")
    wishes.keep(person.pk, Wishes(without=frozenset({"travel"})), source="till", now=clock.now())
    web.post(url, {"often": "month"})
    assert of(person) == Wishes("month", "", frozenset({"travel"}))


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_break_of_as_many_days_as_she_says_and_an_end_when_she_likes(
    web: Client, elena: tuple[Contact, str], days: int
) -> None:
    person, url = elena
    page = web.post(url, {"pause": str(days)}).content.decode()
    assert "You have a break until" in page
    assert not may(person)
    assert not may(person, channel="sms")
    clock.advance(timedelta(days=days - 1))
    assert not may(person)
    clock.advance(timedelta(days=2))
    assert may(person)
    assert may(person, channel="sms")
    web.post(url, {"pause": str(days)})
    assert not may(person)
    web.post(url, {"resume": "1"})
    assert may(person)
    assert replay.differing() == []


def test_a_break_of_a_length_nobody_offered_is_none(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    for days in ("1", "3650", "x", "\u00b2"):
        web.post(url, {"pause": days})
    assert may(person)


def test_undo_puts_a_box_back_as_it_was(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    page = web.post(url, {"was.offers.sms": "on", "was.offers.email": "on", "offers.email": "on"}).content.decode()
    assert may(person)
    assert not may(person, channel="sms")
    web.post(url, undo_of(page))
    assert may(person, channel="sms")
    said = ConsentReceipt.objects.filter(contact=person, method="pref_centre").order_by("pk")
    assert list(said.values_list("action", "channel")) == [("withdrawn", "sms"), ("granted", "sms")]


def test_she_reads_why_she_got_it(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    page = web.get(url).content.decode()
    assert "Why did I get this message?" in page
    assert re.search(r"You agreed on .* \(", page)


def test_words_nobody_knows_are_no_wish(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    web.post(url, {"often": "hourly", "favourite": "telepathy", "language": "xx-YY-zz-00", "was.topic.none": "on"})
    assert of(person) == wishes.NONE
    for wrong in (Wishes(often="hourly"), Wishes(favourite="telepathy")):
        with pytest.raises(Problem):
            wishes.keep(person.pk, wrong, source="", now=clock.now())


def test_the_page_costs_the_same_for_any_number_of_receipts(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    counts = []
    for _ in range(2):
        web.get(url)
        with CaptureQueriesContext(connection) as asked:
            web.get(url)
        counts.append(len(asked))
        for _ in range(5):
            people.withdraw(person, "sms")
            people.allow([person], "sms")
    assert counts[0] == counts[1]


def test_topics_are_named_once_and_put_away() -> None:
    row = topics.add("travel", {"en": " Travel ", "es": ""}, actor="user:1")
    assert (row.names, topics.name(row, "es")) == ({"en": "Travel"}, "Travel")
    for key, names in (("travel", {"en": "x"}), ("1x", {"en": "x"}), ("x", {"en": " "})):
        with pytest.raises(Problem):
            topics.add(key, names, actor="user:1")
    topics.rename(row.pk, {"en": "Trips", "ru": "Поездки"}, actor="user:1")
    assert topics.name(Topic.objects.get(), "ru") == "Поездки"
    topics.archive(row.pk, clock.now(), actor="user:1")
    assert topics.every() == []
    topics.archive(row.pk, None, actor="user:1")
    assert len(topics.every()) == 1
    assert AuditEntry.objects.filter(action__startswith="topic.").count() == 4


def test_once_a_week_is_kept_beside_the_limits_of_the_house(elena: tuple[Contact, str]) -> None:
    person, _ = elena
    wishes.keep(person.pk, Wishes("week"), source="page", now=clock.now())
    [second] = people.ask([person], run=5000)
    while delivery.deliver():
        pass
    held = Message.objects.get(pk=second)
    assert (held.state, held.attempts) == ("due", 0)
    assert held.due_at > clock.now() + timedelta(days=6)
    assert counted.of(person.pk, person.zone, clock.now()).most == 1
    people.ask([person], run=5001, message_class="transactional")
    while delivery.deliver():
        pass
    assert Message.objects.filter(run_id=5001, state="accepted").exists()
    clock.advance(timedelta(days=7, hours=1))
    while delivery.deliver():
        pass
    held.refresh_from_db()
    assert held.state == "accepted"
    assert held.judged["caps"] == [{"messages": 1, "days": 7}]
    capped = registry.invariants.get("I9")
    assert capped
    assert ledger.ask(capped).rows == ()


def test_ada_names_topics_and_puts_one_away(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    assert client.post(reverse("crm:topic-new"), {"key": "Bad Key", "name_en": "x"}).status_code == 422
    assert client.post(reverse("crm:topic-new"), {"key": "travel"}).status_code == 422
    assert client.post(reverse("crm:topic-new"), {"key": "travel", "name_es": "Viajes"}).status_code == 302
    row = Topic.objects.get()
    assert client.post(reverse("crm:topic", args=[row.pk]), {"name_es": "Viajar"}).status_code == 302
    assert "Viajar" in client.get(reverse("crm:topics")).content.decode()
    client.post(reverse("crm:topic-archive", args=[row.pk]))
    assert topics.every() == []
    client.post(reverse("crm:topic-archive", args=[row.pk]) + "?on=1")
    assert len(topics.every()) == 1
