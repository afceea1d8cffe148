"""What Elena and Dario see when they are asked to confirm, on a phone and without scripts; Ada's proof and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import confirming, content, tracking
from channels.models import Message
from crm import capture, clock, consent, publicids
from crm.capture import Arrival
from crm.models import ConsentReceipt, Membership, User, Wording
from tests.browser import patience
from tests.channels import people

PASSWORD = "cauce-demo-2026"
PAPER = b"%PDF-1.4 a signed sheet"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def _noon() -> None:
    people.at_noon()
    content.forget()


def sign_up(who: dict[str, str], channel: str = "email", **said: str) -> tuple[int, int]:
    """Somebody said yes in a form and was sent the question; their number and the message's."""
    told = {"purpose": "offers", "channel": channel, "action": "granted", "method": "web_form", "source": "blog",
            "confirm": True, **said}  # fmt: skip
    more = [{**told, "purpose": "newsletter"}] if channel == "email" else []
    (answer,) = capture.receive([Arrival(who, {"language": "en"}, [told, *more])], now=clock.now())
    assert answer.problems == []
    assert confirming.send() == 1
    return answer.contact_id or 0, Message.objects.latest("pk").pk


def link(message: int) -> str:
    return tracking.url("confirm", message).removeprefix(settings.BASE_URL)


def may(contact: int, channel: str = "email") -> bool:
    return isinstance(consent.allowed(contact, "offers", channel, clock.now()), consent.Allow)


def fits(page: Page) -> None:
    patience.fits(page, 1440, 390, 320)


def enter(page: Page, live_server: LiveServer, path: str) -> None:
    user = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    Membership.objects.create(user=user, role="admin")
    page.goto(f"{live_server.url}/login/?next={path}")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def test_elena_confirms_on_her_phone(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    Wording.objects.create(code="o-1", purpose="offers", language="en", version=1, text="Yes, send me offers.")
    elena, message = sign_up({"email": "elena@example.com"}, wording="o-1")
    quiet_page.goto(live_server.url + link(message))
    expect(quiet_page.get_by_text("e•••@e•••.com")).to_be_visible()
    expect(quiet_page.get_by_text("Yes, send me offers.")).to_be_visible()
    look(quiet_page, "confirm")
    fits(quiet_page)
    assert not may(elena)
    quiet_page.get_by_role("button", name="Yes, I confirm").click()
    expect(quiet_page.get_by_role("status")).to_contain_text("Done: your subscription is confirmed")
    look(quiet_page, "confirm-done")
    fits(quiet_page)
    assert may(elena)


def test_without_scripts_the_link_and_the_code_work_too(live_server: LiveServer, browser: Browser) -> None:
    elena, message = sign_up({"email": "elena@example.com"})
    dario, text = sign_up({"phone": "+34600111222"}, "sms")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(live_server.url + link(message))
    page.get_by_role("button", name="Yes, I confirm").click()
    expect(page.get_by_role("status")).to_contain_text("Done")
    page.goto(f"{live_server.url}/k/code/")
    page.get_by_label("Your phone number").fill("600 111 222")
    page.get_by_label("The six digits").fill(tracking.code(text))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("Done")
    assert may(elena)
    assert may(dario, "sms")
    page.context.close()


def test_dario_mistypes_his_code(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    _, text = sign_up({"phone": "+34600111222"}, "sms")
    wrong = "000000" if tracking.code(text) != "000000" else "111111"
    quiet_page.goto(f"{live_server.url}/k/code/")
    look(quiet_page, "confirm-code")
    fits(quiet_page)
    quiet_page.get_by_label("Your phone number").fill("600 111 222")
    quiet_page.get_by_label("The six digits").fill(wrong)
    quiet_page.get_by_role("button", name="Confirm").click()
    expect(quiet_page.get_by_role("alert")).to_contain_text("not right")
    look(quiet_page, "confirm-code-wrong")
    quiet_page.get_by_role("button", name="Send me a new code").click()
    expect(quiet_page.get_by_role("status")).to_contain_text("a new one is on its way")
    quiet_page.get_by_label("The six digits").fill(tracking.code(text))
    quiet_page.get_by_role("button", name="Confirm", exact=True).click()
    expect(quiet_page.get_by_role("status")).to_contain_text("Done")


def test_ada_keeps_the_scan_and_hands_out_the_proof(
    live_server: LiveServer, quiet_page: Page, look: Look, tmp_path: Path
) -> None:
    marta = capture.receive([Arrival({"email": "marta@example.com"}, {"given_name": "Марта"})], now=clock.now())[0]
    place = f"/contacts/{publicids.encode('ctc', marta.contact_id or 0)}"
    enter(quiet_page, live_server, f"{place}/edit/")
    quiet_page.get_by_label("Offers: E-mail").check()
    quiet_page.get_by_label("How they said it").select_option("paper_form")
    quiet_page.get_by_label("Where", exact=True).fill("Fair 2026")
    (tmp_path / "sheet.pdf").write_bytes(PAPER)
    quiet_page.get_by_label("A scan or a recording").set_input_files(tmp_path / "sheet.pdf")
    look(quiet_page, "contact-scan")
    quiet_page.get_by_role("button", name="Save").click()
    quiet_page.wait_for_url(f"**{place}/")
    assert ConsentReceipt.objects.get().evidence["file"]["sha256"] == hashlib.sha256(PAPER).hexdigest()
    quiet_page.goto(f"{live_server.url}{place}/consent/")
    look(quiet_page, "contact-proof")
    fits(quiet_page)
    with quiet_page.expect_download() as scan:
        quiet_page.get_by_role("link", name="sheet.pdf").click()
    assert Path(scan.value.path()).read_bytes() == PAPER
    with quiet_page.expect_download() as paper:
        quiet_page.get_by_role("link", name="As PDF").click()
    assert Path(paper.value.path()).read_bytes().startswith(b"%PDF-")


def test_ada_says_who_is_asked(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    enter(quiet_page, live_server, "/settings/confirmations/")
    look(quiet_page, "confirmations-empty")
    quiet_page.get_by_label("Country").select_option("ES")
    quiet_page.get_by_label("Channel").select_option("sms")
    quiet_page.get_by_role("button", name="Save").click()
    expect(quiet_page.get_by_role("rowheader", name="Spain")).to_be_visible()
    look(quiet_page, "confirmations")
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Remove the rule for Spain, All purposes, SMS").click()
    expect(quiet_page.get_by_role("rowheader", name="Spain")).to_be_hidden()


def test_ada_writes_what_people_read_who_are_asked(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    page = quiet_page
    enter(page, live_server, "/settings/confirmations/")
    page.get_by_role("main").get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Words of the confirmation")).to_be_visible()
    look(page, "confirmation-words")
    fits(page)
    page.get_by_label("Subject").fill("Is it you?")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It holds from the next message on.")).to_be_visible()
    page.get_by_role("button", name="Use the ready-made words").click()
    expect(page.get_by_label("Subject")).to_have_value("Please confirm your subscription")
    expect(page.get_by_role("button", name="Use the ready-made words")).to_be_hidden()
