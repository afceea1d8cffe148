"""Mails come from the name and the address that the house gave itself, each where it gave one."""

from __future__ import annotations

from typing import Any

import pytest

from channels import accounts, content
from channels.models import SandboxMessage
from channels.outbox import delivery
from crm import history, workspace
from crm.models import Event, Workspace
from tests.channels import people

pytestmark = pytest.mark.django_db
LETTER = {"subject": "For {{ contact.given_name | default: 'you' }}", "html": "<p>Hello</p>", "text": "Hello"}


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Any:
    settings.CAUCE_MODE = "test"
    settings.DEFAULT_FROM_EMAIL = "Cauce <hello@house.example>"
    accounts.forget()
    content.forget()
    people.at_noon()
    yield
    accounts.forget()


def sent(**house: str) -> SandboxMessage:
    Workspace.objects.update_or_create(only=True, defaults=house)
    workspace.forget()
    people.ask(people.people(1), content_id=content.publish("email", LETTER))
    while delivery.deliver():
        pass
    return SandboxMessage.objects.latest("pk")


@pytest.mark.parametrize(
    ("house", "sender"),
    [
        ({}, "Cauce <hello@house.example>"),
        ({"sender_name": "Casa Norte"}, "Casa Norte <hello@house.example>"),
        ({"sender_address": "hola@casanorte.example"}, "hola@casanorte.example"),
        (
            {"sender_name": "Casa Norte", "sender_address": "hola@casanorte.example"},
            "Casa Norte <hola@casanorte.example>",
        ),
    ],
)
def test_a_mail_comes_from_what_the_house_said(house: dict[str, str], sender: str) -> None:
    shown = str(sent(**house).headers["From"]).replace('"', "")
    assert shown.strip("<>") == sender if "<" not in sender else shown == sender


def test_the_timeline_names_a_message_as_its_reader_saw_it() -> None:
    letter = sent()
    told = Event.objects.filter(name="Message Sent", properties__message_id=letter.message_id)
    resolve = history.resolvers.get("channels")
    assert resolve
    assert [each["title"] for each in resolve(list(told)).values()] == ["For Ada"]
