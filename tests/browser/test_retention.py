"""How long data is kept, in a real browser: Ada looks what would go, lists the silent, and erases them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from channels.models import SandboxMessage
from crm import clock
from crm.models import Contact, Erasure
from tests.browser import patience
from tests.browser.test_contacts import enter
from tests.crm.people import come, email

Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def test_ada_looks_what_would_go_and_erases_the_silent(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page, now = quiet_page, clock.now()
    SandboxMessage.objects.create(channel="email", recipient="elena@example.com", at=now - timedelta(days=500))
    silent = come(now, email("anna@example.com"))
    Contact.objects.filter(pk=silent).update(created_at=now - timedelta(days=1_200))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_event")
    enter(page, live_server, "/settings/data-retention/")
    page.get_by_role("button", name="Only look: Messages of the sandbox").click()
    expect(page.get_by_role("row", name="Messages of the sandbox").get_by_role("cell").nth(1)).to_contain_text("1")
    assert SandboxMessage.objects.exists()
    page.get_by_role("button", name="Sweep now: Messages of the sandbox").click()
    expect(page.get_by_text("1 row went.")).to_be_visible()
    assert not SandboxMessage.objects.exists()
    row = page.get_by_role("row", name="Contacts who have long been silent")
    row.get_by_role("textbox").fill("20")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Between 180 and 3650 days, or 0 to keep it for ever.")).to_be_visible()
    row.get_by_role("textbox").fill("1095")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It holds from the next sweep on.")).to_be_visible()
    row.get_by_role("button", name="Only look").click()
    expect(row.get_by_role("cell").nth(1)).to_contain_text("1")
    look(page, "retention")
    page.set_viewport_size({"width": 320, "height": 800})
    patience.fits(page)
    page.set_viewport_size({"width": 1440, "height": 960})
    row.get_by_role("button", name="Erase now…").click()
    dialog = page.get_by_role("dialog", name="Erase the silent contacts now?")
    expect(dialog).to_contain_text("At the last look it was 1 person.")
    look(page, "retention-erase")
    dialog.get_by_role("button", name="Cancel").click()
    assert not Erasure.objects.exists()
    row.get_by_role("button", name="List who is due soon").click()
    expect(page.get_by_role("heading", name="Silent, to be asked once more")).to_be_visible()
    page.goto(f"{live_server.url}/settings/data-retention/")
    row.get_by_role("button", name="Erase now…").click()
    dialog.get_by_role("button", name="Erase them").click()
    expect(page.get_by_role("heading", name="What went")).to_be_visible()
    assert Erasure.objects.get().contact_id == silent
