"""A test message from the panel of a step: one click, and it goes to Ada alone."""

from __future__ import annotations

import re

import pytest

from channels.models import Message, SandboxMessage
from tests.campaigns import cast, office
from tests.campaigns.test_panel_pages import Reader, page, url

pytestmark = pytest.mark.django_db


def test_ada_sends_herself_a_step_with_the_one_button_of_its_panel() -> None:
    office.house()
    ada = office.at_work()
    campaign = office.draft(cast.mail("mail"), cast.wait("pause"))
    html = page(ada, campaign, "mail")
    button = re.search(r'<form hx-post="([^"]+)"(?:(?!</form>).)*Send me a test', html, re.DOTALL)
    assert button
    assert button[1] == url(campaign, "mail", "test/")
    form = Reader()
    form.feed(button[0])
    assert ada.post(button[1], form.found).status_code == 302
    assert SandboxMessage.objects.get().recipient == "ada@marketer.example"
    assert Message.objects.count() == 0


def test_a_step_that_sends_nothing_has_no_such_button() -> None:
    office.house()
    campaign = office.draft(cast.mail("mail"), cast.wait("pause"))
    assert "Send me a test" not in page(office.at_work(), campaign, "pause")
