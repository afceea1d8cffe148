"""Ada reads whether her campaign works, and who stands behind a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import clock, publicids
from crm.models import User
from tests.analytics import spring

PASSWORD = "cauce-demo-2026"


@pytest.mark.django_db(transaction=True)
def test_ada_sees_without_scrolling_whether_it_works_and_keeps_those_it_missed(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    clock.refresh()
    campaign = spring.sent()
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.set_viewport_size({"width": 1440, "height": 900})
    here = f"/campaigns/{publicids.encode('cmp', campaign.pk)}/report/"
    quiet_page.goto(f"{live_server.url}/login/?next={here}")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    verdict = quiet_page.get_by_role("heading", name="Does it work?")
    expect(verdict).to_be_in_viewport()
    expect(quiet_page.get_by_text("Too early", exact=True)).to_be_in_viewport()
    look(quiet_page, "report")
    quiet_page.set_viewport_size({"width": 320, "height": 800})
    wide = quiet_page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, "the page is wider than 320 pixels"
    quiet_page.set_viewport_size({"width": 1440, "height": 900})
    # Everyone skipped for no consent becomes a segment, in four clicks.
    quiet_page.locator("details.reasons summary").first.click()
    quiet_page.get_by_role("link", name="No consent").first.click()
    expect(quiet_page.get_by_role("heading", level=2)).to_contain_text("No consent")
    look(quiet_page, "report-people")
    quiet_page.get_by_role("button", name="Make a segment").click()
    expect(quiet_page.get_by_text("These people are a segment now.")).to_be_visible()
