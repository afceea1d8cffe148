"""Ada sends one message to a segment, and watches it go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import content
from channels.models import SandboxMessage
from channels.outbox import delivery
from crm.models import Membership, User
from tests.browser.patience import becomes, fits
from tests.campaigns import cast


@pytest.fixture
def office(live_server: LiveServer, quiet_page: Page, settings: Any) -> str:
    content.forget()
    settings.BASE_URL = live_server.url
    cast.at_noon()
    ada = User.objects.create_user("ada@example.com", "cauce-demo-2026", name="Ada")
    Membership.objects.create(user=ada, role="admin")
    client = Client()
    client.force_login(ada)
    cookie = client.cookies["sessionid"].value
    quiet_page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return str(live_server.url)


def deliver() -> None:
    cast.work()
    while delivery.deliver():
        pass
    cast.work()


@pytest.mark.django_db(transaction=True)
def test_a_segment_a_message_a_test_and_off_it_goes(
    office: str, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 1440, "height": 900})
    cast.segment([cast.person("Elena"), cast.person("Dario"), cast.person("Chiara", email=False)], name="Regulars")
    page.goto(f"{office}/campaigns/one-off/new/")
    page.get_by_label("Name").fill("Sunday opening")
    page.get_by_label("To whom", exact=False).select_option("Regulars")
    look(page, "one-off-new")
    fits(page)
    page.get_by_role("button", name="Write the message").click()

    html = page.get_by_label("Content (HTML)")
    html.fill(html.input_value().replace("…", "We open on Sunday, from ten to two."))
    expect(page.locator("#checks")).to_contain_text("Ready")
    expect(page.locator("#saved")).to_contain_text(":")
    page.get_by_role("link", name="Sunday opening").first.click()

    expect(page.get_by_text("2 can get it on this channel.")).to_be_visible()
    page.get_by_role("button", name="Send me a test").click()
    expect(page.get_by_text("The test is in the sandbox inbox.")).to_be_visible()
    look(page, "one-off-plan")
    fits(page)

    # First for a moment, then called off, then now.
    page.get_by_label("At a date and time").check()
    page.get_by_label("Date and time", exact=False).last.fill("2026-06-12T10:00")
    page.get_by_label("The time zone of each recipient").check()
    page.get_by_role("button", name="Send to 2 people").click()
    expect(page.get_by_role("heading", name="Scheduled")).to_be_visible()
    look(page, "one-off-scheduled")
    page.get_by_role("button", name="Call it off").click()
    expect(page.get_by_text("It is called off")).to_be_visible()
    page.get_by_role("button", name="Send to 2 people").click()
    expect(page.get_by_role("heading", name="On its way")).to_be_visible()
    deliver()
    # The page asks by itself.
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    becomes(SandboxMessage.objects.filter(message__isnull=False, subject="Sunday opening").count, 2)
    look(page, "one-off-done")
    fits(page)
