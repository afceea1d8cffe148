"""Ada comes to work: she logs in and sees the state of things."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User

PASSWORD = "cauce-demo-2026"


@pytest.mark.django_db(transaction=True)
def test_ada_logs_in_reads_the_status_and_changes_the_language(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    quiet_page.goto(f"{live_server.url}/login/")
    look(quiet_page, "login")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", name="Status", level=1)).to_be_visible()
    look(quiet_page, "status")
    quiet_page.get_by_role("button", name="Español").click()
    expect(quiet_page.get_by_role("heading", name="Estado", level=1)).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_ada_finds_her_way_on_a_phone(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    quiet_page.goto(f"{live_server.url}/login/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("link", name="Sandbox inbox")).to_be_hidden()
    quiet_page.get_by_text("Menu", exact=True).focus()
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("link", name="Status")).to_have_attribute("aria-current", "page")
    expect(quiet_page.get_by_role("button", name="Log out")).to_be_visible()
    look(quiet_page, "menu")
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    quiet_page.get_by_role("link", name="Sandbox inbox").click()
    expect(quiet_page.get_by_role("heading", name="Sandbox inbox")).to_be_visible()
    wide = quiet_page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, "the page is wider than the phone"
