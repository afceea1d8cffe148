"""A form in a real browser: with and without JavaScript, on a small phone, inside another page; and its builder."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import ConsentReceipt, Contact, Form, Membership, User
from tests.browser.patience import fits
from tests.crm.forms import cast

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


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


def test_ada_puts_a_picture_into_a_form_without_knowing_its_address(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    page = quiet_page
    made = cast.form("poll", {"id": "pic", "type": "picture", "url": "", "alt": ""}, publish=False)
    user = User.objects.create_user("ada@example.com", "a-long-enough-one", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    page.goto(f"{live_server.url}/login/?next=/forms/{made.pk}/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill("a-long-enough-one")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/forms/{made.pk}/")
    expect(page.locator("#pictures")).to_be_attached()
    page.get_by_role("button", name="Choose a picture").click()
    out = BytesIO()
    Pillow.new("RGB", (80, 60), "teal").save(out, "PNG")
    shop = {"name": "shop.png", "mimeType": "image/png", "buffer": out.getvalue()}
    page.get_by_role("dialog").get_by_label("File").set_input_files(shop)
    page.get_by_role("dialog").get_by_label("What it shows").fill("Our shop")
    page.get_by_role("button", name="Upload").click()
    choice = page.locator("#picture-choices").get_by_role("button", name="Our shop")
    expect(choice).to_be_visible()
    look(page, "form-pictures")
    choice.click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#pic-url")).to_have_value(re.compile(r"^/i/[0-9a-f]{32}\.png$"))
    expect(page.locator("#pic-alt")).to_have_value("Our shop")
    expect(page.locator("#pic-shown")).to_be_visible()
    look(page, "form-picture")
    fits(page)
    page.get_by_role("button", name="Save").first.click()
    expect(page.frame_locator("iframe").get_by_role("img", name="Our shop")).to_be_visible()
    blocks = {each["id"]: each for each in Form.objects.get().document["blocks"]}
    assert blocks["pic"]["alt"] == "Our shop"
