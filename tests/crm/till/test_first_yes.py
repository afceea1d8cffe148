"""A yes that was typed at a till: nothing of a campaign leaves before the customer has said it with their own hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels import confirming as letters
from channels import content, tracking
from channels.models import Message, SandboxMessage
from channels.outbox import delivery
from crm import clock, confirming, consent, ledger, publicids, registry
from crm.confirming import Rule
from crm.models import AuditEntry, Contact, Identifier, TillEntry
from crm.rights import erasure
from crm.till import enrolling
from tests.channels import people as channels
from tests.crm.people import come, email, phone
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db
CARD, TEXT = "291000484910", "till.offers-es-1"
PABLO = {"card": CARD, "email": "pablo@example.com", "phone": "612334018", "given_name": "Pablo", "language": "es"}


@pytest.fixture
def bruno() -> Till:
    channels.at_noon()
    content.forget()
    return till()


def left() -> list[Message]:
    """What has left the house."""
    while delivery.deliver():
        pass
    return list(Message.objects.filter(pk__in=SandboxMessage.objects.values("message")).order_by("pk"))


def offer(pablo: Contact, channel: str = "email", run: int = 1) -> None:
    channels.ask([pablo], channel=channel, run=run)


def may(pablo: Contact, channel: str) -> bool:
    return isinstance(consent.allowed(pablo.pk, "offers", channel, clock.now()), consent.Allow)


def test_pablo_gets_the_question_alone_until_he_answers_it_by_the_link(bruno: Till) -> None:
    told = bruno.do("enrol", {**PABLO, "yes": ["email", "sms", "whatsapp"], "wording": TEXT}, clock.now())
    assert told["answer"]["yes"] == {"email": "waiting", "sms": "waiting", "whatsapp": "waiting"}
    pablo = Contact.objects.get()
    offer(pablo)
    offer(pablo, "sms", run=2)
    assert letters.send() == 2
    assert {message.message_class for message in left()} == {"service"}
    assert set(Message.objects.filter(purpose="offers").values_list("reason", flat=True)) == {"consent_unconfirmed"}
    question = Message.objects.get(channel="email", message_class="service")
    link = tracking.url("confirm", question.pk).removeprefix(settings.BASE_URL)
    assert link in SandboxMessage.objects.get(message=question).text
    assert Client().post(link).status_code == 200
    assert (may(pablo, "email"), may(pablo, "sms"), may(pablo, "whatsapp")) == (True, False, False)
    offer(pablo, run=3)
    assert [message.message_class for message in left()].count("marketing") == 1
    assert [found.name for found in map(ledger.ask, registry.invariants) if found.rows] == []


def test_a_shop_may_do_without_the_question_and_a_call_is_left_to_its_rules(bruno: Till) -> None:
    assert [channel for channel in enrolling.CHANNELS if enrolling.asks_back(bruno.store, channel)] == [
        "email", "whatsapp", "sms",
    ]  # fmt: skip
    confirming.change(Rule("", "email", "ES", "off"), actor="user:1")
    told = bruno.do("enrol", {**PABLO, "yes": ["email", "sms"], "wording": TEXT}, clock.now())
    assert told["answer"]["yes"] == {"email": "on", "sms": "waiting"}


def test_his_card_works_before_he_answers(bruno: Till) -> None:
    bruno.do("enrol", {**PABLO, "yes": ["email"], "wording": TEXT}, clock.now())
    assert bruno.do("purchase", {"card": CARD, "amount": "10.00"}, clock.now())["state"] == "done"


# --- whoever was erased ----------------------------------------------------------------------------


def test_whoever_was_erased_may_come_back_in_person_and_not_by_what_waited_in_a_till(bruno: Till) -> None:
    bruno.do("enrol", PABLO, clock.now())
    before = bruno.entry("enrol", {**PABLO, "card": "4006381333931"}, clock.now())
    old = Contact.objects.get()
    clock.advance(timedelta(hours=1))
    erasure.ask(old.pk, actor="user:1", via="page", now=clock.now())
    while erasure.work():
        pass
    clock.advance(timedelta(hours=1))
    late = bruno.send(before).json()["entries"][0]
    assert (late["state"], late["problems"][0]["code"]) == ("refused", "erased")
    told = bruno.do("enrol", PABLO, clock.now())
    assert told["state"] == "done", told
    assert Identifier.objects.get(kind="card").contact_id not in (None, old.pk)


# --- who may be known --------------------------------------------------------------------------------


def test_what_was_typed_without_network_about_somebody_known_waits_for_a_person(bruno: Till) -> None:
    now = clock.now()
    carmen = come(now, phone("+34612334018"), given_name="Carmen", home_store="VLC")
    told = bruno.do("enrol", {**PABLO, "unasked": True}, now)
    assert (told["state"], told["answer"]) == ("waiting", {"why": "known"})
    assert not Identifier.objects.filter(kind="card").exists()
    entry = TillEntry.objects.get()
    page = bruno.client.get("/store/decisions/").content.decode()
    assert "It is Carmen · ••• 40 18" in page
    both = bruno.client.post(f"/store/decisions/{entry.pk}/", {"how": "both"})
    assert both.status_code == 302
    pablo = Identifier.objects.get(kind="card").contact_id
    assert pablo != carmen
    assert set(Identifier.objects.filter(contact=pablo).values_list("kind", flat=True)) == {"card", "email"}
    assert TillEntry.objects.get().payload is None
    assert AuditEntry.objects.filter(action="till.decide", after__how="both").count() == 1


def test_nobody_known_is_in_at_once_also_after_hours_without_network(bruno: Till) -> None:
    told = bruno.do("enrol", {**PABLO, "unasked": True}, clock.now() - timedelta(hours=3))
    assert told["state"] == "done"


def test_somebody_alike_by_name_and_mail_waits_too_when_nobody_was_asked(bruno: Till) -> None:
    now = clock.now()
    come(now, email("pablo.ferrer@gmail.com"), given_name="Pablo", family_name="Ferrer", home_store="VLC")
    body = {"card": CARD, "email": "pablo.ferrer@hotmail.es", "given_name": "Pablo", "family_name": "Ferrer"}
    assert bruno.do("enrol", {**body, "unasked": True}, now)["answer"] == {"why": "known"}
    assert bruno.do("enrol", {**body, "card": "4006381333931"}, now)["state"] == "done", "he was asked and is another"


def test_a_customer_of_another_store_is_linked_without_a_name_and_it_is_written_down(bruno: Till) -> None:
    now = clock.now()
    till("BCN", "Barcelona")
    nora = come(now, phone("+34612334018"), given_name="Nora", home_store="BCN")
    bruno.do("enrol", {**PABLO, "unasked": True}, now)
    entry = TillEntry.objects.get()
    page = bruno.client.get("/store/decisions/").content.decode()
    assert "Nora" not in page
    assert "It is the customer of the other store" in page
    assert bruno.client.post(f"/store/decisions/{entry.pk}/", {"how": "link"}).status_code == 302
    assert Identifier.objects.get(kind="card").contact_id == nora
    assert Contact.objects.get(pk=nora).given_name == "Nora"
    assert AuditEntry.objects.filter(action="till.serve", subject=publicids.encode("ctc", nora)).exists()


def test_another_store_decides_nothing_and_dropping_keeps_nothing(bruno: Till) -> None:
    now = clock.now()
    come(now, phone("+34612334018"), given_name="Carmen", home_store="VLC")
    bruno.do("enrol", {**PABLO, "different": True}, now)
    entry = TillEntry.objects.get()
    other = till("BCN", "Barcelona")
    assert other.client.post(f"/store/decisions/{entry.pk}/", {"how": "drop"}).status_code == 404
    assert "Pablo" not in other.client.get("/store/decisions/").content.decode()
    assert bruno.client.post(f"/store/decisions/{entry.pk}/", {"how": "drop"}).status_code == 302
    entry.refresh_from_db()
    assert (entry.state, entry.payload) == ("refused", None)
    assert Contact.objects.count() == 1


def test_when_nothing_is_theirs_alone_it_says_what_to_do_and_waits_on(bruno: Till) -> None:
    now = clock.now()
    come(now, phone("+34612334018"), given_name="Carmen", home_store="VLC")
    bruno.do("enrol", {"phone": "612334018", "different": True}, now)
    entry = TillEntry.objects.get()
    answer = bruno.client.post(f"/store/decisions/{entry.pk}/", {"how": "both"})
    assert answer.status_code == 422
    assert "Nothing of it is theirs alone." in answer.content.decode()
    entry.refresh_from_db()
    assert entry.state == "waiting"


# --- the hint ----------------------------------------------------------------------------------------


def test_a_till_cannot_go_through_the_customers(bruno: Till) -> None:
    answers: list[Any] = [
        bruno.client.post("/store/hint/", {"phone": f"6123340{n}"}, content_type="application/json")
        for n in range(10, 55)
    ]
    refused = [answer.json() for answer in answers if answer.status_code == 429]
    assert len(refused) >= 3, "also when a minute ends meanwhile"
    assert refused[0] == {"code": "slow_down"}


def test_whoever_is_restricted_is_in_no_hint(bruno: Till) -> None:
    now = clock.now()
    carmen = come(now, phone("+34612334018"), given_name="Carmen", home_store="VLC")
    Contact.objects.filter(pk=carmen).update(restricted=True)
    answer = bruno.client.post("/store/hint/", {"phone": "612334018"}, content_type="application/json")
    assert answer.json() == {"people": [], "elsewhere": False}


def test_a_hint_asks_as_many_questions_for_many_people_as_for_few(
    bruno: Till, django_assert_max_num_queries: Any
) -> None:
    now = clock.now()
    for number in range(30):
        come(now, email(f"carmen@shop{number}.example"), given_name="Carmen", family_name="Vidal", home_store="VLC")
    typed = {"email": "carmen@shop99.example", "given_name": "Carmen", "family_name": "Vidal", "card": CARD}
    with django_assert_max_num_queries(14):
        answer = bruno.client.post("/store/hint/", typed, content_type="application/json").json()
    assert len(answer["people"]) <= 3
