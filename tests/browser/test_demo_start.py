"""From an empty house by way of the demo to a campaign of one's own: real server, workers, database, browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config import demo_job
from crm import demo as marks
from crm.models import User
from tests.browser.test_first_campaign import PASSWORD, House, set_up
from tests.config.installation import Installation, wait_for

Look = Callable[[Page, str], None]
pytestmark = [pytest.mark.real_processes, pytest.mark.slow]
CLICKS = 8
MINUTES = 15


@pytest.fixture
def house() -> Iterator[House]:
    installation = Installation(DEFAULT_LANGUAGE="en", DEMO_CONTACTS="120", DEMO_WEEKS="3")
    try:
        installation.up("--no-demo", "--workers", "2")
        yield House(installation)
    finally:
        installation.remove()


def test_a_new_admin_loads_the_demo_and_publishes_a_campaign_of_her_own(house: House, quiet_page: Page) -> None:
    began = time.monotonic()
    page = quiet_page
    page.set_viewport_size({"width": 1440, "height": 900})

    def click(locator: Any) -> None:
        house.clicks += 1
        locator.click()

    set_up(house, page)
    click(page.get_by_role("button", name="Load demo data"))
    expect(page.get_by_role("heading", name="The demo shop is being filled")).to_be_visible()
    page.wait_for_url(f"{house.installation.url}/", timeout=90_000)
    expect(page.get_by_text("The demo shop is open")).to_be_visible()

    revenue = page.locator(".tile-number, .kpi-number, .tile").first
    expect(revenue).to_contain_text(re.compile(r"€[1-9]"))
    running = page.get_by_role("row").filter(has_text="Abandoned cart")
    expect(running).to_be_visible()
    assert sum(int(number) for number in re.findall(r"\b\d+\b", " ".join(running.locator("a").all_inner_texts()))) > 0
    expect(page.get_by_text("is overdue")).to_be_visible()

    click(page.get_by_role("link", name="New campaign").first)
    click(page.get_by_role("button", name="Use this Win back"))
    page.wait_for_url("**/journey/**")
    click(page.get_by_role("link", name=re.compile("Review")).first)
    click(page.get_by_role("button", name="Publish version 1"))
    click(page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True))
    expect(page.get_by_text("Live v1").first).to_be_visible()
    found = re.search(r"cmp_\w+", page.url)
    assert found
    click(page.get_by_role("link", name="Report", exact=True))

    def somebody() -> bool:
        page.goto(f"{house.installation.url}/campaigns/{found[0]}/report/")
        return int(page.locator(".strip .tile-number").first.inner_text()) > 0

    wait_for(somebody, 30)
    # Who came in: by day the mails have gone and nobody is inside any more, by night they wait for the morning.
    click(page.locator(".strip .tile-number").first)
    expect(page.locator("a[href*='/contacts/ctc_']").first).to_be_visible()
    assert house.clicks <= CLICKS
    assert time.monotonic() - began < MINUTES * 60
    proved = house.installation.manage("verify_ledger")
    assert proved.returncode == 0, proved.stdout + proved.stderr


@pytest.mark.django_db(transaction=True)
def test_how_far_it_is_and_that_it_went_wrong_can_be_read_by_everybody(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    User.objects.create_superuser("elena@shop.example", PASSWORD, name="Elena")
    marks.remember(marks.LOADING, [42])
    quiet_page.goto(f"{live_server.url}/login/?next=/setup/demo/")
    quiet_page.get_by_label("Email").fill("elena@shop.example")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("progressbar")).to_have_attribute("value", "42")
    look(quiet_page, "demo-loading")
    marks.forget(marks.LOADING, [42])
    marks.remember(marks.LOADING, [demo_job.FAILED])
    quiet_page.reload()
    expect(quiet_page.get_by_role("button", name="Try again")).to_be_visible()
    look(quiet_page, "demo-failed")
