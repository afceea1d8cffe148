"""The pages of double opt-in: who may confirm what, and what scanners and strangers get from them (nothing)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels import confirming, confirming_words, content, tracking
from channels.models import Message, SandboxMessage
from channels.outbox import delivery
from crm import capture, clock, confirmations, consent, publicids, suppression
from crm.capture import Arrival
from crm.models import Confirmation, ConsentReceipt, Contact, Membership, User, Wording
from tests.channels import people

pytestmark = pytest.mark.django_db
FORM = {"purpose": "offers", "channel": "email", "action": "granted", "method": "web_form", "source": "blog"}
EMAIL, PHONE = "elena@example.com", "+34600111222"


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()
    content.forget()


@pytest.fixture
def web() -> Client:
    return Client(enforce_csrf_checks=True, HTTP_USER_AGENT="Mozilla/5.0 Firefox/140.0")


def sign_up(language: str = "es", **said: Any) -> int:
    who = {"phone": PHONE} if said.get("channel") == "sms" else {"email": EMAIL}
    told = {**FORM, "confirm": True, **said}
    (answer,) = capture.receive([Arrival(who, {"language": language}, [told])], now=clock.now())
    assert answer.problems == []
    return answer.contact_id or 0


def message() -> Message:
    """The confirmation message that was just put into the outbox."""
    assert confirming.send() == 1
    return Message.objects.latest("pk")


def link() -> str:
    return tracking.url("confirm", message().pk).removeprefix(settings.BASE_URL)


def may(contact: int, channel: str = "email") -> bool:
    return isinstance(consent.allowed(contact, "offers", channel, clock.now()), consent.Allow)


@pytest.mark.parametrize("language", ["en", "es", "ru", "pt"])
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_the_words_can_be_sent_in_every_language(language: str, channel: str) -> None:
    words = confirming_words.every()[confirming_words.language_of(language)]
    assert confirming_words.problems(words) == []
    assert content.problems(channel, confirming_words.body(channel, words)) == []


def test_the_mail_is_a_service_message_in_their_language_with_the_link(web: Client) -> None:
    sign_up("ru")
    sent = message()
    assert (sent.message_class, sent.purpose, sent.slot) == (
        "service",
        "service",
        f"confirm:{Confirmation.objects.get().pk}",
    )
    while delivery.deliver():
        pass
    mail = SandboxMessage.objects.get(message=sent)
    assert mail.subject == "Подтвердите подписку, пожалуйста"
    assert f"/k/{tracking.token('confirm', sent.pk)}" in mail.text
    assert f"/k/{tracking.token('confirm', sent.pk)}" in mail.html
    assert "List-Unsubscribe" in mail.headers


def test_scanners_and_prefetchers_change_nothing(web: Client) -> None:
    elena = sign_up()
    place = link()
    for headers in ({"Sec-Purpose": "prefetch"}, {"User-Agent": "Barracuda"}, {}):
        assert web.get(place, headers=headers).status_code == 200
        assert web.head(place, headers=headers).status_code == 200
    assert web.put(place).status_code == 405
    assert not ConsentReceipt.objects.filter(action="confirmed").exists()
    assert not may(elena)


def test_the_page_shows_what_would_be_confirmed_word_for_word(web: Client) -> None:
    Wording.objects.create(code="o-es-1", purpose="offers", language="es", version=1, text="Sí, <b>quiero</b> ofertas.")
    sign_up(wording="o-es-1")
    page = web.get(link())
    text = page.content.decode()
    assert "Sí, &lt;b&gt;quiero&lt;/b&gt; ofertas." in text
    assert EMAIL not in text
    assert "e•••@e•••.com" in text
    assert not page.cookies
    assert page["Cache-Control"] == "no-store, private"
    assert page["Referrer-Policy"] == "no-referrer"


def test_a_token_of_another_purpose_message_or_nobody_is_not_found(web: Client) -> None:
    elena = sign_up()
    sent = message()
    (other,) = people.ask(people.people(1))
    for token in (tracking.token("unsubscribe", sent.pk), tracking.token("confirm", other),
                  tracking.token("confirm", 10**9), tracking.token("confirm", sent.pk)[:-2], "x"):  # fmt: skip
        assert web.get(f"/k/{token}").status_code == 404
        assert web.post(f"/k/{token}").status_code == 404
    assert web.get(f"/u/{tracking.token('confirm', sent.pk)}").status_code == 404
    assert not may(elena)


def test_after_seven_days_a_clear_page_and_no_receipt(web: Client) -> None:
    elena = sign_up()
    place = link()
    clock.advance(timedelta(days=7))
    for look in (web.get, web.post):
        page = look(place)
        assert page.status_code == 410
        assert "<form" not in page.content.decode()
    assert not may(elena)
    assert not ConsentReceipt.objects.filter(action="confirmed").exists()


def test_the_receipt_says_from_where_and_twice_is_the_same_page(web: Client) -> None:
    elena = sign_up()
    place = link()
    first, second = (web.post(place, REMOTE_ADDR="203.0.113.7").content for _ in range(2))
    assert first == second
    (receipt,) = ConsentReceipt.objects.filter(action="confirmed")
    assert receipt.evidence["ip"] == "203.0.113.7"
    assert receipt.evidence["user_agent"] == "Mozilla/5.0 Firefox/140.0"
    assert receipt.evidence["request"] == ConsentReceipt.objects.get(action="requested").pk
    assert may(elena)


def test_an_address_that_bounced_gets_no_confirmation_mail() -> None:
    elena = sign_up()
    hashes = [suppression.address_hash("email", EMAIL)]
    suppression.suppress("email", hashes, "bounce", now=clock.now())
    sent = message()
    while delivery.deliver():
        pass
    sent.refresh_from_db()
    assert (sent.state, sent.reason) == ("blocked", "channel_suppressed_bounce")
    assert not may(elena)


def test_whoever_types_a_number_learns_nothing_about_it(web: Client) -> None:
    sign_up(channel="sms")
    right = tracking.code(message().pk)
    wrong = "000000" if right != "000000" else "111111"

    def answers(phone: str) -> list[tuple[int, str]]:
        pages = [web.post("/k/code/", {"phone": phone, "code": wrong}), web.post("/k/code/again/", {"phone": phone})]
        return [(page.status_code, page.content.decode().replace(phone, "")) for page in pages]

    assert answers(PHONE) == answers("+34699999999")
    assert not web.get("/k/code/").cookies
    assert web.get("/k/code/again/").status_code == 405


def test_one_computer_may_try_ten_codes_a_minute(web: Client) -> None:
    dario = sign_up(channel="sms")
    right = tracking.code(message().pk)
    for _ in range(11):
        web.post("/k/code/", {"phone": "+34699999999", "code": "000000"})
    assert web.post("/k/code/", {"phone": PHONE, "code": right}).status_code == 422
    assert web.post("/k/code/", {"phone": PHONE, "code": right}, REMOTE_ADDR="203.0.113.8").status_code == 200
    assert may(dario, "sms")


def test_a_new_code_makes_the_old_one_worthless(web: Client) -> None:
    dario = sign_up(channel="sms")
    old = tracking.code(message().pk)
    assert web.post("/k/code/again/", {"phone": PHONE}).status_code == 200
    assert confirming.send() == 0  # a minute has to pass
    clock.advance(timedelta(minutes=2))
    web.post("/k/code/again/", {"phone": PHONE})
    new = tracking.code(message().pk)
    assert old != new
    assert web.post("/k/code/", {"phone": PHONE, "code": old}).status_code == 422
    assert web.post("/k/code/", {"phone": PHONE, "code": new}).status_code == 200
    assert may(dario, "sms")


def test_the_code_stands_nowhere_but_in_the_sms() -> None:
    sign_up(channel="sms")
    sent = message()
    code = tracking.code(sent.pk)
    assert re.fullmatch(r"\d{6}", code)
    while delivery.deliver():
        pass
    sent.refresh_from_db()
    assert code in SandboxMessage.objects.get(message=sent).text
    assert code not in json.dumps([sent.context, sent.slots, sent.judged])
    assert Confirmation.objects.get().code_hash == confirmations.code_hash(Confirmation.objects.get().pk, code)


def test_a_round_sends_many_in_the_same_number_of_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        told = [{**FORM, "confirm": True}]
        capture.receive([Arrival({"email": f"q{number}@example.com"}, consents=told)], now=clock.now())
    with django_assert_max_num_queries(20):
        assert confirming.send() == 30
    assert confirming.pending() == 0


# --- the proof of what was sent ----------------------------------------------------------------------


def test_the_proof_says_by_which_receipt_each_message_went() -> None:
    (ada,) = people.people(1)
    receipt = ConsentReceipt.objects.get(contact=ada)
    people.ask([ada])
    people.ask([ada], run=2000, message_class="transactional", purpose="service")
    while delivery.deliver():
        pass
    people.withdraw(ada)
    user = User.objects.create_user("m@example.com", "-")
    Membership.objects.create(user=user, role="marketer")
    client = Client()
    client.force_login(user)
    path = f"/contacts/{publicids.encode('ctc', ada.pk)}/consent/"
    told = json.loads(client.get(f"{path}proof.json").content)
    (sent,) = told["messages"]
    assert (sent["basis"], sent["receipt"]) == ("consent", publicids.encode("rcp", receipt.pk))
    assert (sent["said"]["action"], sent["said"]["source"]) == ("granted", "https://shop.example/form")
    assert sent["said"]["hash"] == receipt.hash
    assert sent["address"] == f"p{ada.pk}@example.com"
    assert client.get(f"{path}proof.pdf").content.startswith(b"%PDF-")
    clock.advance(timedelta(days=732))
    assert json.loads(client.get(f"{path}proof.json").content)["messages"] == []


# --- the settings ---------------------------------------------------------------------------------------


def test_ada_makes_a_rule_and_takes_it_away() -> None:
    user = User.objects.create_user("boss@example.com", "-")
    Membership.objects.create(user=user, role="admin")
    client = Client()
    client.force_login(user)
    page = client.get("/settings/confirmations/").content.decode()
    assert "Germany" in page
    rule = {"ask": "on", "purpose": "", "channel": "email", "country": "ES"}
    assert client.post("/settings/confirmations/", rule).status_code == 302
    assert client.post("/settings/confirmations/", {**rule, "channel": "carrier pigeon"}).status_code == 422
    told = [dict(FORM)]
    capture.receive([Arrival({"email": EMAIL}, {"country": "ES"}, told)], now=clock.now())
    assert Confirmation.objects.count() == 1
    assert client.post("/settings/confirmations/remove/", rule).status_code == 302
    capture.receive([Arrival({"email": "b@example.com"}, {"country": "ES"}, told)], now=clock.now())
    assert Confirmation.objects.count() == 1
    assert Contact.objects.count() == 2
