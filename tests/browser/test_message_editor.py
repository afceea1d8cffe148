"""Ada writes an e-mail and an SMS in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from PIL import Image as Pillow
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns import lifecycle
from campaigns.models import Campaign, Edit
from channels import content
from channels.models import Account, SandboxMessage
from crm import clock, publicids
from crm.models import Membership, User
from tests.browser.patience import becomes, comes_true, fits
from tests.campaigns import cast

PASSWORD = "cauce-demo-2026"
LETTER = {
    "id": "e1", "type": "send.email", "label": "Still yours",
    "config": {
        "subject": "{{ contact.given_name | default: 'Hello' }}, still yours",
        "html": "<h1>Still yours</h1>{% for product in products %}<p>{{ product.name }}</p>{% endfor %}",
    },
}  # fmt: skip
TEXT = {"id": "t1", "type": "send.sms", "label": "Short", "config": {"text": "Código BACK10 👟"}}


@pytest.fixture
def desk(live_server: LiveServer, page: Page, settings: Any) -> Callable[..., str]:
    """Ada is logged in; answers the address of a step's page."""
    content.forget()
    settings.BASE_URL = live_server.url
    cast.at_noon()
    ada = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    Membership.objects.create(user=ada, role="admin")
    Account.objects.update_or_create(
        channel="sms", is_default=True, defaults={"carrier": "sandbox", "name": "sms", "cost": "0.055"}
    )
    client = Client()
    client.force_login(ada)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])

    def address(*steps: dict[str, Any], step: str = "e1") -> str:
        campaign = lifecycle.create(cast.document(*(steps or (LETTER, TEXT))), actor=cast.ADA, now=clock.now())
        return f"{live_server.url}/campaigns/{publicids.encode('cmp', campaign.pk)}/journey/steps/{step}/message/"

    return address


def config(step: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in Campaign.objects.get().document["steps"] if each["id"] == step)
    return dict(found["config"])


@pytest.mark.django_db(transaction=True)
def test_ada_writes_an_email_with_personal_words_pieces_and_a_picture(
    desk: Callable[..., str], quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(desk())
    preview = page.frame_locator("#preview")
    expect(preview.get_by_text("Trail shoes Sierra")).to_be_visible()
    look(page, "message-email")
    fits(page)

    # A personal word with its fallback, put where the cursor stands.
    page.get_by_label("Preheader").fill("For ")
    page.get_by_label("Find", exact=True).fill("city")
    page.get_by_text("City", exact=True).click()
    page.get_by_role("button", name="Insert", exact=True).click()
    expect(page.get_by_label("Preheader")).to_have_value("For ")  # not without a fallback
    page.get_by_role("textbox", name="If there is none").fill("your town")
    page.get_by_role("button", name="Insert", exact=True).click()
    expect(page.get_by_label("Preheader")).to_have_value('For {{ contact.city | default: "your town" }}')
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator(".inbox-line")).to_contain_text("For Valencia")

    # A ready piece says what is still to be written.
    page.get_by_role("button", name="Button", exact=True).click()
    expect(page.locator("#checks")).to_contain_text("still says")
    look(page, "message-email-unwritten")
    html = page.get_by_label("Content (HTML)")
    value = html.input_value()
    html.fill(value.replace("https://…", "https://shop.example/cart").replace("…", "Back to my cart"))
    expect(page.locator("#checks")).to_contain_text("Ready")
    expect(preview.get_by_role("link", name="Back to my cart")).to_be_visible()
    comes_true(lambda: "Back to my cart" in config("e1")["html"])

    # A picture, uploaded and chosen.
    page.get_by_role("button", name="Picture", exact=True).click()
    out = BytesIO()
    Pillow.new("RGB", (80, 60), "teal").save(out, "PNG")
    page.get_by_label("File").set_input_files({"name": "shoes.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.get_by_label("What it shows").fill("Trail shoes")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#picture-choices").get_by_role("button", name="Trail shoes")).to_be_visible()
    look(page, "message-pictures")
    page.locator("#picture-choices").get_by_role("button", name="Trail shoes").click()
    expect(page.locator("#checks")).to_contain_text("1 picture")
    comes_true(lambda: 'alt="Trail shoes"' in config("e1")["html"])

    # As on a telephone, in the dark, as plain text.
    page.get_by_role("button", name="Phone", exact=True).click()
    expect(page.locator(".message-frame")).to_have_class("message-frame narrow")
    page.get_by_role("button", name="Text part", exact=True).click()
    expect(preview.locator("pre")).to_contain_text("Trail shoes Sierra")


@pytest.mark.django_db(transaction=True)
def test_ada_makes_an_sms_cheaper_with_two_clicks_and_tests_it(
    desk: Callable[..., str], quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(desk(step="t1"))
    checks = page.locator("#checks")
    expect(checks).to_contain_text("Unicode (70, then 67 a part)")
    expect(checks.locator(".bubble mark")).to_have_count(2)
    look(page, "message-sms")
    fits(page)
    page.get_by_role("button", name="ó → o").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Codigo BACK10 👟")
    page.get_by_role("button", name="Remove 👟").click()
    expect(checks).to_contain_text("GSM-7 (160, then 153 a part)")
    expect(page.locator("#saved")).to_contain_text("Saved")
    becomes(lambda: config("t1")["text"], "Codigo BACK10 ")

    page.get_by_role("button", name="Send me a test").click()
    page.get_by_label("Your own mobile number").fill("600 11 22 33")
    look(page, "message-test")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("The test is in the sandbox inbox.")).to_be_visible()
    assert SandboxMessage.objects.get().text.startswith("TEST: Codigo BACK10")


@pytest.mark.django_db(transaction=True)
def test_what_was_typed_survives_undo_reload_and_a_lost_connection(desk: Callable[..., str], page: Page) -> None:
    page.goto(desk(step="t1"))
    text = page.get_by_label("Text", exact=True)
    text.fill("One")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#saved")).to_contain_text(":")
    becomes(lambda: config("t1")["text"], "One")
    page.context.set_offline(True)
    text.fill("Two")
    expect(page.locator("#saved")).to_contain_text("No connection")
    assert config("t1")["text"] == "One"
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved")
    becomes(lambda: config("t1")["text"], "Two")
    page.reload()
    page.get_by_role("button", name="Undo").click()
    expect(text).to_have_value("One")
    page.get_by_role("button", name="Redo").click()
    expect(text).to_have_value("Two")


@pytest.mark.django_db(transaction=True)
def test_luis_was_faster_and_ada_is_told(desk: Callable[..., str], page: Page) -> None:
    page.goto(desk(step="t1"))
    campaign = Campaign.objects.get()
    document = {**campaign.document}
    document["steps"][1]["config"] = {"text": "Of Luis"}
    lifecycle.update(campaign, document, "user:0", clock.now())
    page.get_by_label("Text", exact=True).fill("Of Ada")
    expect(page.get_by_role("alert")).to_contain_text("changed this")
    assert config("t1")["text"] == "Of Luis"
    assert Edit.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_channels_stand_side_by_side_and_elena_is_chosen(
    desk: Callable[..., str], quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    page = quiet_page
    page.set_viewport_size({"width": 1440, "height": 900})
    elena = cast.person("Elena")
    page.goto(desk())
    page.get_by_text("Preview as").click()
    page.get_by_label("Name, address, number or card").fill(f"p{elena.pk}@example.com")
    page.get_by_role("link", name="Elena").click()
    expect(page.locator(".inbox-line")).to_contain_text("Elena, still yours")
    page.get_by_role("link", name="Side by side").click()
    expect(page.get_by_role("heading", name="Messages side by side")).to_be_visible()
    expect(page.get_by_text("Elena, still yours")).to_be_visible()
    look(page, "messages-together")
    fits(page)


@pytest.mark.django_db(transaction=True)
def test_pictures_have_a_page(
    desk: Callable[..., str], live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    page = quiet_page
    desk()
    page.goto(f"{live_server.url}/images/")
    look(page, "pictures-empty")
    out = BytesIO()
    Pillow.new("RGB", (80, 60), "teal").save(out, "PNG")
    page.get_by_label("File").set_input_files({"name": "shoes.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.get_by_label("What it shows").fill("Trail shoes")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("shoes.png", exact=True)).to_be_visible()
    look(page, "pictures")
    fits(page)
    page.get_by_role("button", name="Remove shoes.png").click()
    expect(page.get_by_text("The picture is removed.")).to_be_visible()
