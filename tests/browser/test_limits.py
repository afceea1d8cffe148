"""Limits in a real browser: Ada restricts Chiara and uses her data again; Chiara objects on the phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import capture, clock
from crm.consent import Deny, allowed
from crm.models import Contact
from crm.normalise import Trace
from tests.browser import patience
from tests.browser.test_contacts import enter
from tests.crm.people import say

Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def _chiara() -> int:
    traces = [Trace("email", "chiara@example.com"), Trace("phone", "+34600112233")]
    (answer,) = capture.receive(
        [capture.Arrival(traces, {"given_name": "Chiara", "family_name": "Conti"})], now=clock.now()
    )
    assert answer.contact_id
    say(clock.now(), answer.contact_id, "granted", channel="email")
    return answer.contact_id


def _more(page: Page) -> None:
    page.locator(".contact-more > summary").click()


def test_ada_restricts_chiara_and_uses_her_data_again(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page, chiara = quiet_page, _chiara()
    enter(page, live_server, "/contacts/")
    page.get_by_role("link", name="Chiara Conti").click()
    _more(page)
    look(page, "contact-more")
    page.get_by_role("button", name="Restrict…").click()
    dialog = page.locator("#restrict")
    expect(dialog).to_be_visible()
    look(page, "contact-restrict")
    dialog.get_by_role("button", name="Restrict").click()
    assert not Contact.objects.get(pk=chiara).restricted  # nobody is restricted without a reason
    dialog.get_by_label("They say it is not right, and we look into it").check()
    dialog.get_by_label("A word about it (if you like)").fill("She says she moved to Vigo")
    dialog.get_by_role("button", name="Restrict").click()
    banner = page.get_by_role("region", name="Restricted")
    expect(banner).to_contain_text("She says she moved to Vigo")
    expect(banner).to_contain_text("They say it is not right")
    expect(page.get_by_text("Their data is kept and not used")).to_be_visible()
    look(page, "contact-restricted")
    page.set_viewport_size({"width": 320, "height": 800})
    patience.fits(page)
    page.set_viewport_size({"width": 1440, "height": 960})
    page.get_by_role("link", name="Contacts", exact=True).first.click()
    expect(page.locator(".contacts-table").get_by_text("Restricted")).to_be_visible()
    look(page, "contacts-restricted")
    page.get_by_role("link", name="Chiara Conti").click()
    _more(page)
    page.get_by_role("button", name="Use their data again").click()
    expect(page.get_by_text("In use again.")).to_be_visible()
    expect(banner).to_have_count(0)
    assert not Contact.objects.get(pk=chiara).restricted


def test_chiara_objects_on_the_phone(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    page, chiara = quiet_page, _chiara()
    enter(page, live_server, "/contacts/")
    page.get_by_role("link", name="Chiara Conti").click()
    _more(page)
    page.get_by_role("button", name="They object…").click()
    dialog = page.locator("#object")
    dialog.get_by_label("On the phone").check()
    look(page, "contact-object")
    dialog.get_by_role("button", name="Stop everything").click()
    expect(page.get_by_text("All marketing to them is stopped, on every channel.")).to_be_visible()
    expect(page.get_by_text("Objected to all marketing and profiling")).to_be_visible()
    expect(page.get_by_text("No stage: they said no to profiling on")).to_be_visible()
    look(page, "contact-objected")
    page.set_viewport_size({"width": 320, "height": 800})
    patience.fits(page)
    for channel in ("email", "sms", "whatsapp", "ads"):
        assert isinstance(allowed(chiara, "offers", channel, clock.now()), Deny)
