"""Erasing in a real browser: what goes and stays, the word, and the page that is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import publicids
from crm.models import Contact
from crm.rights import erasure
from tests.browser.test_contacts import enter
from tests.browser.test_merge import _elena

Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def test_ada_erases_elena(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page = quiet_page
    elena, _ = _elena()
    enter(page, live_server, f"/contacts/{publicids.encode('ctc', elena)}/")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("link", name="Erase…").click()
    expect(page.get_by_role("heading", name="Erase Elena Ruiz")).to_be_visible()
    expect(page.get_by_text("elena@example.com")).to_be_visible()
    look(page, "erase")
    page.get_by_label("Type ERASE to go on").fill("elena")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Nothing was erased")).to_be_visible()
    look(page, "erase-wrong")
    page.get_by_label("Type ERASE to go on").fill("erase")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("heading", name="This contact is being erased")).to_be_visible()
    look(page, "erasing")
    assert erasure.work() == 1
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("heading", name="This contact was erased")).to_be_visible()
    look(page, "erased")
    assert Contact.objects.get(pk=elena).given_name == ""
