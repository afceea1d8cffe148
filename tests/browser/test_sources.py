"""Ada says whom to believe, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import workspace
from crm.models import User, Workspace
from tests.browser.patience import fits

PASSWORD = "cauce-demo-2026"
Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)


def test_ada_puts_her_sources_in_order(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    workspace.forget()
    page = quiet_page
    page.goto(f"{live_server.url}/login/?next=/settings/sources/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/sources/")
    page.get_by_role("button", name="Set an order").press("Enter")
    page.get_by_role("button", name="Till further up in All fields").press("Enter")
    expect(page.get_by_role("rowheader").nth(1)).to_have_text("2. Till")
    page.get_by_label("A field with an order of its own").select_option("city")
    page.get_by_role("button", name="Add").press("Enter")
    expect(page.get_by_role("heading", name="City")).to_be_visible()
    look(page, "sources")
    fits(page)
    assert Workspace.objects.get(only=True).sources["order"][1] == "till"
