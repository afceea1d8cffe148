"""Elena asks about her data without scripts; Ada answers on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as conf
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import content, copies, tracking
from channels.models import SandboxMessage
from channels.outbox import delivery
from crm import clock, exports, publicids
from crm.models import Membership, RightsRequest, User
from crm.rights import requests
from tests.browser import patience
from tests.channels import people

PASSWORD = "cauce-demo-2026"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def _noon(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    people.at_noon()
    content.forget()


def elena() -> tuple[int, str]:
    """She got a letter; her number, and the address of her page."""
    person = people.people(1, name="Elena")[0]
    [number] = people.ask([person])
    while delivery.deliver():
        pass
    return person.pk, tracking.url("preferences", number).removeprefix(conf.BASE_URL)


def test_without_scripts_elena_gets_her_copy_and_asks_for_an_end(
    live_server: LiveServer, browser: Browser, tmp_path: Path
) -> None:
    contact, url = elena()
    page = browser.new_context(java_script_enabled=False, accept_downloads=True).new_page()
    page.goto(live_server.url + url)
    page.get_by_role("button", name="Send me a copy of my data").click()
    expect(page.get_by_role("status")).to_contain_text("a letter with a link comes")
    assert exports.work()
    assert copies.send()
    while delivery.deliver():
        pass
    text = SandboxMessage.objects.latest("pk").text
    link = next(word for word in text.split() if "/d/" in word).removeprefix(conf.BASE_URL)
    page.goto(live_server.url + link)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download").click()
    assert taken.value.suggested_filename.endswith(".zip")
    assert taken.value.path().read_bytes().startswith(b"PK")
    page.goto(live_server.url + url)
    page.get_by_text("Correct my data").click()
    page.get_by_label("What is not right, and what would be?").fill("I moved")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("answer by July 10, 2026")
    page.get_by_role("button", name="Delete my data").click()
    assert not RightsRequest.objects.filter(kind="erasure").exists()
    page.get_by_role("button", name="Yes, delete my data").click()
    expect(page.get_by_role("status")).to_contain_text("answer by July 10, 2026")
    assert set(RightsRequest.objects.filter(contact=contact).values_list("kind", flat=True)) == {
        "access", "correction", "erasure",
    }  # fmt: skip
    page.context.close()


def test_the_pages_of_elena_fit_a_phone(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    _, url = elena()
    quiet_page.goto(live_server.url + url)
    look(quiet_page, "my-data-preferences")
    patience.fits(quiet_page, 1440, 390, 320)
    quiet_page.get_by_role("button", name="Delete my data").click()
    expect(quiet_page.get_by_role("button", name="Yes, delete my data")).to_be_visible()
    look(quiet_page, "my-data-sure")
    patience.fits(quiet_page, 1440, 390, 320)
    quiet_page.get_by_role("button", name="Yes, delete my data").click()
    expect(quiet_page.get_by_role("status")).to_contain_text("We have your request")
    look(quiet_page, "my-data-received")


def test_ada_answers_and_makes_a_copy(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    contact, _ = elena()
    now = clock.now()
    requests.ask(contact, "access", via="office", actor="user:1", now=now - timedelta(days=40), words="All of it")
    late = requests.ask(contact, "erasure", via="preferences", actor="themselves", now=now)
    user = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    Membership.objects.create(user=user, role="admin")
    quiet_page.goto(f"{live_server.url}/login/?next=/settings/privacy/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_text("overdue")).to_be_visible()
    look(quiet_page, "requests")
    patience.fits(quiet_page, 1440, 390, 320)
    quiet_page.set_viewport_size({"width": 1440, "height": 900})
    quiet_page.get_by_role("button", name="Refuse…").last.click()
    dialog = quiet_page.get_by_role("dialog")
    dialog.get_by_label("Why it is refused").fill("Her claim is open")
    look(quiet_page, "requests-refuse")
    dialog.get_by_role("button", name="Refuse").click()
    expect(quiet_page.get_by_text("Her claim is open")).to_be_visible()
    late.refresh_from_db()
    assert late.state == "refused"
    quiet_page.goto(f"{live_server.url}/contacts/{publicids.encode('ctc', contact)}/export/")
    quiet_page.get_by_role("button", name="Make the copy").click()
    expect(quiet_page.get_by_text("being written")).to_be_visible()
    assert exports.work()
    expect(quiet_page.get_by_role("link", name=".zip")).to_be_visible()
    look(quiet_page, "copy")
    patience.fits(quiet_page, 1440, 390, 320)
