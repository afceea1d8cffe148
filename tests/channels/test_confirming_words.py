"""Ada says in her own words what people read who are asked to confirm."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels import confirming, confirming_words, content, tracking
from channels.confirming_words import CODE, CODE_PAGE, LINK, READY, Words
from channels.models import ConfirmationWords, Message, SandboxMessage
from channels.outbox import delivery
from crm import capture, clock, confirmations
from crm import confirming as policy
from crm.capture import Arrival
from crm.errors import Problems
from crm.models import AuditEntry, Confirmation
from tests.campaigns import office
from tests.channels import people

pytestmark = pytest.mark.django_db
LATE = people.NOON + confirmations.REMIND_AFTER + timedelta(minutes=1)
URL = "/settings/confirmations/words/es/"
OURS = Words(
    "¿Es usted?",
    f"Hola & bienvenida\nde Casa Norte\n\n{LINK}\n\nGracias",
    "Sí, <soy> yo",
    f"Casa Norte: {CODE} es su código. {CODE_PAGE}",
)


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()
    content.forget()


def sign_up(language: str = "es", channel: str = "email", number: int = 1) -> int:
    who = {"email": f"e{number}@example.com"} if channel == "email" else {"phone": f"+3460011122{number}"}
    said = {"purpose": "offers", "channel": channel, "action": "granted", "method": "web_form", "source": "blog",
            "confirm": True}  # fmt: skip
    (answer,) = capture.receive([Arrival(who, {"language": language}, [said])], now=clock.now())
    assert answer.problems == []
    return answer.contact_id or 0


def sent() -> SandboxMessage:
    assert confirming.send() == 1
    while delivery.deliver():
        pass
    return SandboxMessage.objects.latest("pk")


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_the_ready_made_words_hold_what_they_must(language: str) -> None:
    assert confirming_words.problems(READY[language]) == []


def test_ada_writes_her_own_words_and_elena_reads_them() -> None:
    ada = office.at_work("admin")
    assert READY["es"].subject in ada.get(URL).content.decode()
    answer = ada.post(URL, {**asdict(OURS), "body": OURS.body.replace("\n", "\r\n")})
    assert answer.status_code == 302
    sign_up()
    mail = sent()
    assert mail.subject == "¿Es usted?"
    token = f"/k/{tracking.token('confirm', Message.objects.latest('pk').pk)}"
    assert "<p>Hola &amp; bienvenida<br>de Casa Norte</p>" in mail.html
    assert "Sí, &lt;soy&gt; yo</a>" in mail.html
    assert token in mail.html
    assert "Sí, <soy> yo:\n" in mail.text
    assert token in mail.text
    sign_up(channel="sms")
    text = sent()
    assert text.text.startswith("Casa Norte: ")
    assert tracking.code(Message.objects.latest("pk").pk) in text.text
    assert "/k/code/" in text.text


def test_each_language_has_its_own_and_the_others_stay_ready_made() -> None:
    confirming_words.keep("es", OURS, actor="user:1")
    subjects = {"es": OURS.subject, "en": READY["en"].subject, "ru": READY["ru"].subject, "pt": READY["en"].subject}
    for number, (language, subject) in enumerate(subjects.items()):
        sign_up(language, number=number)
        assert sent().subject == subject


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        ({"subject": " "}, "/subject", "required"),
        ({"subject": "a\nb"}, "/subject", "bad_text"),
        ({"subject": "x" * 201}, "/subject", "too_long"),
        ({"subject": "{{ contact.given_name }}"}, "/subject", "not_here"),
        ({"body": "Confirm, please."}, "/body", "placeholder"),
        ({"body": f"{LINK} {LINK}"}, "/body", "placeholder"),
        ({"body": f"Dear {{{{ contact.given_name }}}}, {LINK}"}, "/body", "not_here"),
        ({"body": f"{LINK} {{% if contact.city %}}x{{% endif %}}"}, "/body", "not_here"),
        ({"body": f"{LINK} {{{{"}, "/body", "not_here"),
        ({"button": ""}, "/button", "required"),
        ({"button": "{{ links.confirm }}"}, "/button", "not_here"),
        ({"sms": f"Your code: {CODE}"}, "/sms", "placeholder"),
        ({"sms": f"Type it in: {CODE_PAGE}"}, "/sms", "placeholder"),
        ({"sms": f"{CODE} {CODE_PAGE} {LINK}"}, "/sms", "not_here"),
    ],
)
def test_words_without_their_link_or_code_or_with_something_personal_are_refused(
    change: dict[str, str], place: str, code: str
) -> None:
    with pytest.raises(Problems) as refused:
        confirming_words.keep("en", replace(READY["en"], **change), actor="user:1")
    assert (place, code) in {(each.pointer, each.code) for each in refused.value.problems}
    assert not ConfirmationWords.objects.exists()
    answer = office.at_work("admin").post("/settings/confirmations/words/en/", asdict(replace(READY["en"], **change)))
    assert answer.status_code == 422
    assert answer.context["form"].errors[place.removeprefix("/")]


def test_what_was_changed_and_taken_back_stands_in_the_audit_log() -> None:
    ada = office.at_work("admin")
    ada.post(URL, asdict(OURS))
    assert "Use the ready-made words" in ada.get(URL).content.decode()
    ada.post(f"{URL}reset/")
    ada.post(f"{URL}reset/")
    assert not ConfirmationWords.objects.exists()
    entries = AuditEntry.objects.filter(action="confirmation.words").order_by("pk")
    assert [each.subject for each in entries] == ["confirmation:es", "confirmation:es"]
    sign_up()
    assert sent().subject == READY["es"].subject


def test_only_who_runs_the_house_may_change_them_and_there_are_no_other_languages() -> None:
    assert office.at_work("marketer", "Marta").post(URL, asdict(OURS)).status_code == 403
    ada = office.at_work("admin")
    assert ada.get("/settings/confirmations/words/xx/").status_code == 404
    assert ada.post("/settings/confirmations/words/xx/reset/").status_code == 404
    assert not ConfirmationWords.objects.exists()


def test_a_batch_asks_for_the_words_once_however_many_languages() -> None:
    counts = []
    for numbers in ([1], [2, 3, 4]):
        for number in numbers:
            sign_up(("es", "en", "ru")[number % 3], number=number)
        for language in ("es", "en", "ru"):  # published before
            content.publish("email", confirming_words.body("email", READY[language]))
        with CaptureQueriesContext(connection) as asked:
            assert confirming.send() == len(numbers)
        counts.append(sum("channels_confirmationwords" in each["sql"] for each in asked))
    assert counts == [1, 1]


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_dario_who_has_not_answered_is_asked_once_more(channel: str) -> None:
    dario = sign_up("en", channel)
    first = sent()
    clock.set_to(LATE)
    assert policy.remind() == 1
    second = sent()
    assert second.pk > first.pk
    clock.set_to(LATE + confirmations.REMIND_AFTER)
    assert policy.remind() == 0, "once"
    row = Confirmation.objects.get(contact_id=dario)
    assert (row.sent, row.reminded_at is not None) == (2, True)


def test_the_code_of_the_reminder_counts_and_the_one_before_it_no_longer_does() -> None:
    sign_up("en", "sms")
    old = tracking.code(sent().message_id or 0)
    clock.set_to(LATE)
    policy.remind()
    new = tracking.code(sent().message_id or 0)
    where = ("phone", "+34600111221")
    if old != new:
        assert policy.confirm_code(where, old, {}, clock.now()) is None
    found = policy.confirm_code(where, new, {}, clock.now())
    assert found is not None
    assert found.confirmed_at is not None
    clock.set_to(LATE + confirmations.REMIND_AFTER)
    assert policy.remind() == 0
