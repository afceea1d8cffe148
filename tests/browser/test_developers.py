"""Elena connects a shop: from nothing to the first event, and a mistake mended in the log."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import Event, RequestLog
from tests.browser import patience
from tests.browser.keystrokes import watched
from tests.browser.test_contacts import enter

Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)


def set_up(page: Page, live_server: LiveServer) -> None:
    """What an empty installation asks first; typed key by key, so that its time counts."""
    page.goto(live_server.url)
    page.wait_for_url("**/setup/")
    page.locator("#id_country").select_option("ES")
    for field, text in (
        ("name", "Casa Norte"), ("postal_address", "Calle Mayor 1, 28013 Madrid"), ("admin_name", "Elena"),
        ("email", "elena@norte.example"), ("password", "a-long-one-2026"), ("sender_name", "Casa Norte"),
        ("sender_address", "hola@norte.example"),
    ):  # fmt: skip
        page.locator(f"#id_{field}").click()
        page.keyboard.type(text)
    page.get_by_role("button", name="Set up and go on").click()
    page.wait_for_url("**/setup/start/")
    page.get_by_role("link", name="Start empty").click()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_elena_sends_her_first_event_and_mends_her_second(
    quiet_page: Page, live_server: LiveServer, look: Look, settings: object
) -> None:
    """T17: from nothing, under five minutes and six clicks. T18: mended in three."""
    settings.BASE_URL = live_server.url  # type: ignore[attr-defined]
    page = quiet_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    with watched() as first:
        set_up(page, live_server)
    with watched() as hands:
        page.get_by_role("link", name="Developers").click()
        look(page, "developers-start")
        page.get_by_role("button", name="Make a key to try with").click()
        page.get_by_role("button", name="Copy", exact=True).first.click()
        expect(page.get_by_role("button", name="Copied").first).to_be_visible()
        line = page.evaluate("navigator.clipboard.readText()")
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30)
        assert '"evt_' in done.stdout, done.stderr
        expect(page.locator(".newest")).to_contain_text("Product Viewed")
        page.get_by_role("link", name="What followed").click()
        expect(page.get_by_text("Product Viewed").first).to_be_visible()
    assert hands.clicks <= 6
    assert first.seconds(decisions=12) + hands.seconds(decisions=6) < 300
    assert Event.objects.get(name="Product Viewed").contact_id
    bad = re.sub(r'"name": "Product Viewed"', '"name": "Product Viewed", "occurred_at": "yesterday"', line)
    subprocess.run(["bash", "-c", bad], capture_output=True, text=True, timeout=30)
    patience.becomes(RequestLog.objects.filter(status=422).count, 1)
    page.goto(f"{live_server.url}/developers/requests/?status=errors")
    look(page, "developers-requests")
    with watched() as hands:
        page.get_by_role("link", name="POST /api/v1/events/").click()
        look(page, "developers-request")
        box = page.get_by_label("The body.")
        assert "ana@mail.example" not in box.input_value()
        box.fill(box.input_value().replace('"yesterday"', "null"))
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("it was 422, now it is 202")).to_be_visible()
    assert hands.clicks <= 3


def test_elena_makes_a_key_and_it_is_shown_once(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page = quiet_page
    enter(page, live_server, "/developers/keys/")
    page.get_by_role("button", name="New key").click()
    look(page, "developers-new-key")
    page.get_by_label("What it is for").fill("Shop")
    page.get_by_label("What it may do").select_option("tracking")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#secret")).to_contain_text("wk_")
    look(page, "developers-keys")
    patience.fits(page)
