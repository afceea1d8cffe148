"""Ada makes the limits stricter: she sees what last week would have been, and only then saves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import accounts, content
from channels.outbox import delivery
from crm import clock, sending
from crm.models import Membership, User, Workspace
from tests.browser.patience import becomes, fits
from tests.channels import people
from tests.channels.name_server import serving

PASSWORD = "a-long-enough-one"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def _held() -> None:
    accounts.forget()
    content.forget()


def enter(page: Page, server: LiveServer, path: str) -> None:
    ada = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    Membership.objects.create(user=ada, role="admin")
    page.goto(f"{server.url}/login/?next={path}")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def last_week() -> None:
    now = people.at_noon()
    Workspace.objects.update_or_create(only=True, defaults={"name": "Zapatería", "sender_address": "a@shop.example"})
    elena = people.people(1, name="Elena")
    for day in (3, 2, 1):
        clock.set_to(now - timedelta(days=day))
        people.ask(elena, run=day)
        delivery.deliver()
    clock.set_to(now)


def test_ada_sees_last_week_under_a_stricter_limit_before_she_saves_it(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    page = quiet_page
    last_week()
    enter(page, live_server, "/settings/")
    page.get_by_role("link", name="Sending rules").click()
    expect(page.get_by_role("heading", name="Sending rules")).to_be_visible()
    look(page, "sending-rules")
    fits(page)
    first = page.locator("#id_messages")
    first.fill("0")
    page.get_by_role("button", name="See what would have changed last week").click()
    expect(page.get_by_text("0 would stop everything").first).to_be_visible()
    look(page, "sending-rules-refused")
    first.fill("2")
    page.get_by_role("button", name="See what would have changed last week").click()
    expect(page.get_by_role("heading", name="What would have changed last week")).to_be_visible()
    expect(page.get_by_role("row", name="Later: Enough messages this week 1")).to_be_visible()
    look(page, "sending-rules-preview")
    fits(page)
    assert sending.current().messages == 3, "looking saves nothing"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It holds from the next message on")).to_be_visible()
    becomes(lambda: sending.current().messages, 2)


def test_ada_checks_her_domain_and_reads_what_would_help(
    live_server: LiveServer, quiet_page: Page, look: Look, settings: pytest.FixtureRequest
) -> None:
    page = quiet_page
    last_week()
    enter(page, live_server, "/settings/channels/")
    page.get_by_role("row").filter(has_text="Default").first.get_by_role("link").first.click()
    expect(page.get_by_text("Not looked at yet.")).to_be_visible()
    with serving({"shop.example": ["v=spf1 -all"]}) as address:
        settings.DNS_RESOLVER = address  # type: ignore[attr-defined]
        page.get_by_role("button", name="Check shop.example again").click()
        expect(page.get_by_text("Add a TXT record to _dmarc.shop.example")).to_be_visible()
    look(page, "sender-domain")
    fits(page)
