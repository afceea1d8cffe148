"""A form in a real browser: with and without JavaScript, on a small phone, inside another page; and its builder."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import ConsentReceipt, Contact, Membership, User
from tests.crm.forms import cast

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


def fits(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than 320"
    page.set_viewport_size({"width": 1280, "height": 800})


def test_marta_joins_without_javascript(live_server: LiveServer, browser: Browser) -> None:
    made = cast.form()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/f/{made.slug}/?p=till-2")
    page.get_by_label("E-mail address").fill("marta@")
    page.wait_for_timeout(2_100)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("One thing is to be put right")
    page.get_by_label("E-mail address").fill("marta@example.com")
    page.get_by_label("Yes, send me offers by e-mail.").check()
    page.wait_for_timeout(2_100)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert Contact.objects.count() == 1
    assert ConsentReceipt.objects.get().source == f"form:{made.slug}:till-2"


def test_the_page_is_readable_for_everybody_and_fits_a_small_phone(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    made = cast.form("poll", {"id": "n", "type": "nps", "label": "Would you recommend us?"})
    quiet_page.goto(f"{live_server.url}/f/{made.slug}/")
    look(quiet_page, "form")
    fits(quiet_page)
    quiet_page.goto(f"{live_server.url}/f/{made.slug}/embed/")
    look(quiet_page, "form-embedded")


def test_ada_adds_and_moves_a_block_by_keyboard_and_sees_it(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    made = cast.form()
    user = User.objects.create_user("ada@example.com", "a-long-enough-one", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    quiet_page.goto(f"{live_server.url}/login/?next=/forms/{made.pk}/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill("a-long-enough-one")
    quiet_page.keyboard.press("Enter")
    quiet_page.wait_for_url(f"**/forms/{made.pk}/")
    quiet_page.get_by_role("button", name="Text", exact=True).focus()
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.locator("fieldset:focus legend")).to_have_text("Text")
    quiet_page.locator("fieldset:focus textarea").fill("We write once a month.")
    quiet_page.get_by_role("button", name="Save").first.click()
    expect(quiet_page.frame_locator("iframe").get_by_text("We write once a month.")).to_be_visible()
    for name in ("", "share/", "results/"):
        quiet_page.goto(f"{live_server.url}/forms/{made.pk}/{name}")
        look(quiet_page, f"form-{name.strip('/') or 'builder'}")
        fits(quiet_page)
