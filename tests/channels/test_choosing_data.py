"""Elena asks about her data on her preference page: a copy by letter, a correction, a limit, an end."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client

from channels import content, copies, tracking
from channels.models import Message, SandboxMessage
from channels.outbox import delivery
from crm import capture, clock, exports, suppression
from crm.models import AuditEntry, ConsentReceipt, Contact, Identifier, RightsRequest
from crm.normalise import Trace
from tests.channels import people
from tests.channels.test_pages import path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    people.at_noon()
    content.forget()


@pytest.fixture
def web() -> Client:
    """A browser that would be refused if a page asked for a CSRF token."""
    return Client(enforce_csrf_checks=True, HTTP_USER_AGENT="Mozilla/5.0 Firefox/140.0")


@pytest.fixture
def elena() -> tuple[Contact, str]:
    """She allows offers by e-mail, and got a letter; the address of her page."""
    person = people.people(1, name="Elena", granted=("email", "sms"))[0]
    [number] = people.ask([person])
    deliver()
    return person, path("preferences", number)


def deliver() -> None:
    while delivery.deliver():
        pass


def one(kind: str) -> RightsRequest:
    return RightsRequest.objects.get(kind=kind)


def letters() -> list[Message]:
    return list(Message.objects.filter(slot__startswith=copies.SLOT).order_by("pk"))


def bring() -> str:
    """The worker makes the copy, and its letter goes; the path of the link in it."""
    assert exports.work() >= 1
    assert copies.send() == 1
    deliver()
    assert copies.pending() == 1
    assert copies.send() == 1, "the letter left: that is the answer"
    assert copies.pending() == 0
    text = SandboxMessage.objects.get(message=letters()[-1]).text
    link = next(word for word in text.split() if f"{settings.BASE_URL}/d/" in word)
    return link.removeprefix(settings.BASE_URL)


def test_looking_asks_for_nothing(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    for place in (url, f"{url}/data"):
        for method in (web.get, web.head):
            assert method(place).status_code == 200
    page = web.get(url).content.decode()
    for words in ("Send me a copy of my data", "Correct my data", "Limit the use of my data", "Delete my data"):
        assert words in page
    assert not RightsRequest.objects.exists()


def test_her_copy_comes_to_her_address_once_and_is_hers(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    page = web.post(f"{url}/data", {"ask": "access"}).content.decode()
    assert "a letter with a link comes" in page
    assert copies.send() == 0, "nothing is written before there is something to take"
    link = bring()
    assert copies.send() == 0
    (letter,) = letters()
    assert (letter.address_id, letter.message_class, letter.state) == (
        people.addresses([person])[person.pk].pk, "transactional", "accepted",
    )  # fmt: skip
    row = one("access")
    assert (row.state, row.settled_by, row.via) == ("done", "themselves", "preferences")
    token = link.rpartition("/")[2]
    stored = Message.objects.filter(pk=letter.pk).values_list("slots", "context", "judged", "receipt").get()
    assert token not in json.dumps(stored, default=str)
    assert token not in row.token_hash
    assert web.get(link).status_code == 200
    assert not AuditEntry.objects.filter(action="rights.fetch").exists()
    answer = web.post(link)
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    box = ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    assert json.loads(box.read("data.json"))["person"]["given_name"] == "Elena"
    assert AuditEntry.objects.filter(action="rights.fetch", actor="themselves").count() == 1


def test_the_link_works_three_days_and_the_file_goes(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    web.post(f"{url}/data", {"ask": "access"})
    link = bring()
    clock.advance(timedelta(hours=71))
    exports.work()
    assert web.get(link).status_code == 200
    clock.advance(timedelta(hours=2))
    assert web.post(link).status_code == 410
    exports.work()
    assert list(exports.folder().iterdir()) == []
    assert web.get(link).status_code == 410


def test_no_other_link_opens_her_copy(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    web.post(f"{url}/data", {"ask": "access"})
    bring()
    (letter,) = letters()
    for purpose in ("preferences", "click", "confirm", "unsubscribe"):
        assert web.post(f"/d/{tracking.token(purpose, letter.pk)}").status_code == 404
    assert web.post(f"/d/{tracking.token('copy', letter.pk + 1)}").status_code == 404
    assert web.post(f"/d/{'x' * 40}").status_code == 404


def test_the_letter_goes_though_she_wants_no_service_messages(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    people.withdraw(person, purpose="service")
    people.withdraw(person, purpose="offers")
    web.post(f"{url}/data", {"ask": "access"})
    bring()
    assert [letter.state for letter in letters()] == ["accepted"]


def test_one_open_copy_at_a_time_and_three_in_a_month(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    for _ in range(3):
        web.post(f"{url}/data", {"ask": "access"})
        again = web.post(f"{url}/data", {"ask": "access"})
        assert (again.status_code, RightsRequest.objects.filter(state="open").count()) == (422, 1)
        bring()
    refused = web.post(f"{url}/data", {"ask": "access"})
    assert refused.status_code == 422
    assert "three copies in 30 days" in refused.content.decode()
    assert RightsRequest.objects.count() == 3
    clock.advance(timedelta(days=31))
    assert web.post(f"{url}/data", {"ask": "access"}).status_code == 200


def test_whose_phone_alone_is_known_is_answered_by_somebody_here(web: Client) -> None:
    person = people.people(1, name="Marta", granted=("sms",))[0]
    [number] = people.ask([person], channel="sms")
    deliver()
    Identifier.objects.filter(contact=person, kind="email").delete()
    page = web.post(f"{path('preferences', number)}/data", {"ask": "access"}).content.decode()
    assert "One of us brings you the copy by July 10, 2026" in page
    row = one("access")
    assert (row.job_id, row.letter_at, row.state) == (None, None, "open")


def test_to_an_address_that_two_people_have_no_copy_goes(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    told = [Trace("email", f"p{person.pk}@example.com", identifying=False), Trace("card", "D-1")]
    (answer,) = capture.receive([capture.Arrival(told, {"given_name": "Dario"})], now=clock.now())
    assert answer.contact_id != person.pk
    page = web.post(f"{url}/data", {"ask": "access"}).content.decode()
    assert "yours alone" in page
    assert one("access").job_id is None


def test_a_letter_that_could_not_leave_is_no_answer(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    hashed = people.addresses([person])[person.pk].hash
    suppression.suppress("email", [hashed], "bounce", source="carrier", now=clock.now())
    web.post(f"{url}/data", {"ask": "access"})
    exports.work()
    copies.send()
    deliver()
    copies.send()
    row = one("access")
    assert (row.state, row.job_id, row.token_hash) == ("open", None, ""), "somebody here answers"


@pytest.mark.parametrize("field", ["restricted", "archived_at"])
def test_to_whom_nothing_is_sent_somebody_here_brings_it(web: Client, elena: tuple[Contact, str], field: str) -> None:
    person, url = elena
    Contact.objects.filter(pk=person.pk).update(**{field: True if field == "restricted" else clock.now()})
    assert "One of us brings you the copy" in web.post(f"{url}/data", {"ask": "access"}).content.decode()


def test_what_is_not_right_in_her_own_words(web: Client, elena: tuple[Contact, str]) -> None:
    person, url = elena
    empty = web.post(f"{url}/data", {"ask": "correction", "words": " "})
    assert empty.status_code == 422
    assert "Write down what is not right." in empty.content.decode()
    page = web.post(f"{url}/data", {"ask": "correction", "words": "I moved to <b>Vigo</b>"}).content.decode()
    assert "answer by July 10, 2026" in page
    row = one("correction")
    assert (row.contact_id, row.words) == (person.pk, "I moved to <b>Vigo</b>")
    assert "Correct my data" not in web.get(url).content.decode(), "it is asked once while it is open"


@pytest.mark.parametrize(
    ("kind", "yes"), [("erasure", "Yes, delete my data"), ("restriction", "Yes, limit it")]
)  # fmt: skip
def test_an_end_and_a_limit_are_asked_twice_and_change_nothing_by_themselves(
    web: Client, elena: tuple[Contact, str], kind: str, yes: str
) -> None:
    person, url = elena
    receipts = ConsentReceipt.objects.count()
    assert yes in web.post(f"{url}/data", {"ask": kind}).content.decode()
    assert not RightsRequest.objects.exists()
    page = web.post(f"{url}/data", {"ask": kind, "sure": "1"}).content.decode()
    assert "We have your request, and answer by July 10, 2026." in page
    assert (one(kind).contact_id, one(kind).state) == (person.pk, "open")
    assert "we answer by July 10, 2026" in web.get(url).content.decode()
    person.refresh_from_db()
    assert (person.restricted, person.erased_at, ConsentReceipt.objects.count()) == (False, None, receipts)


def test_a_kind_that_nobody_offers_is_none(web: Client, elena: tuple[Contact, str]) -> None:
    _, url = elena
    for kind in ("objection", "party", ""):
        assert web.post(f"{url}/data", {"ask": kind, "sure": "1"}).status_code == 200
    assert not RightsRequest.objects.exists()


@pytest.mark.parametrize(("language", "subject"), [("es", "Sus datos"), ("ru", "Ваши данные"), ("pt", "Your data")])
def test_the_letter_speaks_her_language(web: Client, elena: tuple[Contact, str], language: str, subject: str) -> None:
    person, url = elena
    Contact.objects.filter(pk=person.pk).update(language=language)
    web.post(f"{url}/data", {"ask": "access"})
    bring()
    assert SandboxMessage.objects.get(message=letters()[0]).subject == subject
