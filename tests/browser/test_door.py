"""Ada comes to work: she logs in and sees the state of things."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from tests.browser.patience import fits

PASSWORD = "cauce-demo-2026"


@pytest.mark.django_db(transaction=True)
def test_ada_logs_in_reads_the_status_and_changes_the_language(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.goto(f"{live_server.url}/login/?next=/status/")
    look(quiet_page, "login")
    _log_in(quiet_page)
    expect(quiet_page.get_by_role("heading", name="Status", level=1)).to_be_visible()
    look(quiet_page, "status")
    quiet_page.get_by_label("You and your settings").click()
    look(quiet_page, "person-menu")
    quiet_page.get_by_role("button", name="Español").click()
    expect(quiet_page.get_by_role("heading", name="Estado", level=1)).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_ada_finds_her_way_on_a_phone(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    quiet_page.goto(f"{live_server.url}/login/?next=/status/")
    _log_in(quiet_page)
    expect(quiet_page.get_by_role("link", name="Sandbox inbox")).to_be_hidden()
    quiet_page.locator("summary[aria-label=Menu]").focus()
    quiet_page.keyboard.press("Enter")
    menu = quiet_page.get_by_role("navigation", name="Menu")
    expect(menu.get_by_role("link", name="Status")).to_have_attribute("aria-current", "page")
    look(quiet_page, "menu")
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    menu.get_by_role("link", name="Sandbox inbox").click()
    expect(quiet_page.get_by_role("heading", name="Sandbox inbox")).to_be_visible()
    fits(quiet_page, 390)


@pytest.mark.django_db(transaction=True)
def test_ada_goes_anywhere_with_two_keys(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.goto(f"{live_server.url}/login/?next=/status/")
    _log_in(quiet_page)
    expect(quiet_page.get_by_role("heading", name="Status", level=1)).to_be_visible()
    quiet_page.keyboard.press("/")
    dialog = quiet_page.get_by_role("dialog", name="Search and commands")
    expect(dialog.get_by_role("option").first).to_be_visible()
    look(quiet_page, "commands")
    quiet_page.keyboard.type("sandb")
    expect(dialog.get_by_role("option")).to_have_count(1)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", name="Sandbox inbox")).to_be_visible()
    quiet_page.keyboard.press("Control+k")
    expect(dialog).to_be_visible()
    quiet_page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.django_db(transaction=True)
def test_ada_chooses_the_dark_and_finds_it_again(live_server: LiveServer, quiet_page: Page) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.emulate_media(color_scheme="light")
    quiet_page.goto(f"{live_server.url}/login/?next=/status/")
    _log_in(quiet_page)
    quiet_page.get_by_label("You and your settings").click()
    quiet_page.get_by_role("radio", name="Dark").check()
    expect(quiet_page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    quiet_page.reload()
    expect(quiet_page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def _log_in(page: Page) -> None:
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
