"""What Elena sees behind the links of a message, and Ada in the inbox of the sandbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import content, tracking
from channels.outbox import delivery
from crm import topics, wishes
from crm.models import Contact, User, Wish
from tests.browser import patience
from tests.channels import people

PASSWORD = "cauce-demo-2026"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()
    content.forget()


def told() -> tuple[Contact, int]:
    """Elena got a letter and a text message; the number is the letter's."""
    elena = people.people(1, name="Elena", granted=("email", "sms"))[0]
    [letter] = people.ask([elena])
    people.ask([elena], channel="sms", run=2000)
    while delivery.deliver():
        pass
    return elena, letter


def path(purpose: tracking.Purpose, number: int) -> str:
    return tracking.url(purpose, number).removeprefix(settings.BASE_URL)


def fits(page: Page) -> None:
    """On a telephone, where the rest of the test goes on."""
    page.set_viewport_size({"width": 390, "height": 844})
    patience.fits(page, 390)


def test_elena_leaves_and_chooses_on_her_phone(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    _, letter = told()
    quiet_page.goto(live_server.url + path("unsubscribe", letter))
    look(quiet_page, "leave")
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Take a break of 30 days").click()
    expect(quiet_page.get_by_role("status")).to_have_text("Done: a break of 30 days")
    look(quiet_page, "leave-done")
    quiet_page.get_by_role("link", name="Choose what you get").click()
    expect(quiet_page.get_by_role("group", name="Newsletter")).to_be_visible()
    look(quiet_page, "preferences")
    fits(quiet_page)
    quiet_page.get_by_role("group", name="Newsletter").get_by_label("E-mail").check()
    expect(quiet_page.get_by_text("Saved. It holds from this moment.")).to_be_visible()
    look(quiet_page, "preferences-saved")
    quiet_page.get_by_role("button", name="Undo").click()
    expect(quiet_page.get_by_role("group", name="Newsletter").get_by_label("E-mail")).not_to_be_checked()
    with quiet_page.expect_response("**/p/**"):
        quiet_page.get_by_role("group", name="How often").get_by_label("Once a week").check()
    patience.becomes(lambda: Wish.objects.get().often, "week")


def test_elena_chooses_without_javascript(live_server: LiveServer, browser: Browser) -> None:
    elena, letter = told()
    topics.add("running", {"en": "Running and trail"}, actor="user:1")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(live_server.url + path("preferences", letter))
    page.get_by_label("Running and trail").uncheck()
    page.get_by_label("I like to be reached by").select_option("sms")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It holds from this moment.")).to_be_visible()
    assert wishes.of([elena.pk])[elena.pk] == wishes.Wishes("", "sms", frozenset({"running"}))
    page.get_by_role("button", name="Take a break of 60 days").click()
    expect(page.get_by_text("You have a break until")).to_be_visible()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("You have a break until")).to_be_hidden()
    page.get_by_role("button", name="Stop all advertising").click()
    expect(page.get_by_text("All advertising is stopped.")).to_be_visible()
    page.context.close()


def test_a_link_that_was_cut_says_so(live_server: LiveServer, page: Page, look: Callable[[Page, str], None]) -> None:
    page.goto(live_server.url + "/u/cut")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    look(page, "not-found")


def test_ada_reads_what_was_sent(live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.goto(f"{live_server.url}/login/?next=/sandbox/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill("wrong")
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("alert")).to_be_visible()
    look(quiet_page, "login-refused")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", name="Nothing has been sent yet")).to_be_visible()
    look(quiet_page, "sandbox-empty")
    told()
    quiet_page.reload()
    look(quiet_page, "sandbox")
    fits(quiet_page)
    for channel, kind in (("E-mail", "email"), ("SMS", "sms")):
        quiet_page.goto(f"{live_server.url}/sandbox/?channel={kind}")
        quiet_page.locator(".letter-list a").click()
        expect(quiet_page.locator("h1")).to_have_text("Hello Elena" if channel == "E-mail" else "SMS")
        look(quiet_page, f"sandbox-{kind}")
        fits(quiet_page)
    quiet_page.goto(f"{live_server.url}/sandbox/?who=nobody")
    expect(quiet_page.get_by_role("heading", name="No message fits")).to_be_visible()
