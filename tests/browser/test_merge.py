"""Merging in a real browser: the queue, the two columns, how they were joined, and the hint while typing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import capture, clock, duplicates
from crm.identity import merging
from crm.normalise import Trace
from tests.browser import patience
from tests.browser.test_contacts import enter
from tests.crm.people import say

Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def _elena() -> tuple[int, int]:
    now, told = clock.now(), {"family_name": "Ruiz", "birth_date": "1990-01-01"}
    found = []
    for trace, more in (
        (Trace("email", "elena@example.com"), {"given_name": "Elena", "city": "Valencia", "postal_code": "46001"}),
        (Trace("phone", "+34600112233"), {"given_name": "Helena", "city": "Madrid", "postal_code": "28001"}),
    ):
        (answer,) = capture.receive([capture.Arrival([trace], {**told, **more})], now=now)
        found.append(answer.contact_id or 0)
    say(now, found[0], "granted", channel="email")
    say(now, found[1], "withdrawn")
    duplicates.look(found, now)
    return found[0], found[1]


def test_ada_merges_elena_and_takes_it_back(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page = quiet_page
    elena, _ = _elena()
    enter(page, live_server, "/contacts/duplicates/")
    expect(page.get_by_text("same birth date", exact=True).last).to_be_visible()
    look(page, "duplicates")
    page.get_by_role("link", name="Merge…").click()
    expect(page.get_by_role("heading", name="Merge two contacts")).to_be_visible()
    look(page, "merge")
    page.set_viewport_size({"width": 1440, "height": 960})
    patience.fits(page)
    page.get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("heading", name="Helena Ruiz")).to_be_visible()
    page.get_by_text("How these were joined").click()
    expect(page.get_by_text("Merged by hand")).to_be_visible()
    look(page, "contact-joined")
    page.locator(".joins").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Elena Ruiz")).to_be_visible()
    assert [each.undone_at is None for each in merging.of(elena)] == [False]


def test_a_hint_comes_while_ada_types(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page = quiet_page
    _elena()
    enter(page, live_server, "/contacts/new/")
    page.get_by_label("First name").fill("Elena")
    page.locator("input[name=known-1-value]").fill("600 11 22 33")
    expect(page.get_by_text("Are they here already?")).to_be_visible()
    expect(page.locator(".duplicate-hint").get_by_text("same phone")).to_be_visible()
    look(page, "duplicate-hint")
