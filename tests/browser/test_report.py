"""Ada reads whether her campaign works, and who stands behind a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import clock, publicids
from crm.models import User
from tests.analytics import returning, spring
from tests.browser.patience import fits

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
    quiet_page.set_viewport_size({"width": 1440, "height": 900})
    fits(quiet_page)
    # Everyone skipped for no consent becomes a segment, in four clicks.
    quiet_page.locator("details.reasons summary").first.click()
    quiet_page.get_by_role("link", name="No consent").first.click()
    expect(quiet_page.get_by_role("heading", level=2)).to_contain_text("No consent")
    look(quiet_page, "report-people")
    quiet_page.get_by_role("button", name="Make a segment").click()
    expect(quiet_page.get_by_text("These people are a segment now.")).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_ada_compares_a_week_and_a_version_and_finds_exactly_these_people(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    clock.refresh()
    campaign = returning.twice()
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    quiet_page.set_viewport_size({"width": 1440, "height": 900})
    here = f"/campaigns/{publicids.encode('cmp', campaign.pk)}/report/"
    quiet_page.goto(f"{live_server.url}/login/?next={here}")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    entered = quiet_page.locator(".strip .tile-number").first
    expect(entered).to_have_text("32")
    expect(quiet_page.get_by_label("First day")).to_be_hidden()
    # Two keys and a button: the second version, as it went this week.
    quiet_page.get_by_label("Entered", exact=True).select_option("7")
    quiet_page.get_by_label("Version").select_option("2")
    quiet_page.get_by_role("button", name="Show").click()
    expect(entered).to_have_text("14")
    expect(quiet_page.get_by_text("27 June 2026 – 3 July 2026, version 2")).to_be_visible()
    expect(quiet_page.get_by_text("Adds up")).to_be_visible()
    expect(quiet_page.get_by_label("Version")).to_have_value("2")
    look(quiet_page, "report-narrowed")
    # Days of her own.
    quiet_page.get_by_label("Entered", exact=True).select_option("dates")
    quiet_page.get_by_label("First day").fill("2026-06-10")
    quiet_page.get_by_label("Until this day").fill("2026-06-09")
    quiet_page.get_by_label("Version").select_option("")
    quiet_page.get_by_role("button", name="Show").click()
    expect(quiet_page.get_by_role("alert")).to_contain_text("The last day is before the first.")
    look(quiet_page, "report-dates")
    quiet_page.set_viewport_size({"width": 390, "height": 800})
    fits(quiet_page, 320, 390)
    quiet_page.get_by_label("Until this day").fill("2026-06-16")
    quiet_page.get_by_role("button", name="Show").click()
    expect(entered).to_have_text("20")
    look(quiet_page, "report-narrow")
    entered.click()
    expect(quiet_page.get_by_role("heading", level=2)).to_contain_text("10 June 2026 – 16 June 2026")
    expect(quiet_page.get_by_role("heading", level=2)).to_contain_text("20 people")
