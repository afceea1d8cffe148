"""All parts of the screens on one page: readable by everybody, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from tests.browser.patience import fits

PASSWORD = "cauce-demo-2026"


@pytest.mark.django_db(transaction=True)
def test_ada_sees_every_part(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None], settings: LazySettings
) -> None:
    settings.DEBUG = True
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.goto(f"{live_server.url}/login/?next=/styleguide/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", name="Style guide")).to_be_visible()
    look(quiet_page, "styleguide")
    quiet_page.set_viewport_size({"width": 320, "height": 800})
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Show a toast").click()
    toast = quiet_page.locator("[data-toast]")
    expect(toast).to_contain_text("Archived.")
    look(quiet_page, "styleguide-toast")
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)
    quiet_page.get_by_role("button", name="Open a dialog").click()
    look(quiet_page, "styleguide-dialog")
    quiet_page.keyboard.press("Escape")
    expect(quiet_page.get_by_role("button", name="Open a dialog")).to_be_focused()
