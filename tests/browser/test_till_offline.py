"""The network goes, the tab crashes, answers get lost: whoever was enrolled at the till is a customer, once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import Contact, TillEntry
from crm.till import desk
from tests.browser import patience
from tests.crm.till.people import Till, till

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["Ana", "Bea", "Cleo", "Dora", "Eva"]
CACHES = "caches.keys().then((all) => all.filter((name) => name.startsWith('cauce-till-')).length)"
KEPT = """Promise.all(['/store/enrol/', '/store/purchase/'].map((path) => caches.match(path)))
    .then((all) => all.every(Boolean) && Boolean(navigator.serviceWorker.controller))"""


@pytest.fixture
def bruno() -> Till:
    return till()


@pytest.fixture
def enrolment(bruno: Till, page: Page, live_server: LiveServer) -> Page:
    """The screen, unlocked for Bruno, and kept for when the network goes."""
    page.context.add_cookies([{"name": desk.COOKIE, "value": bruno.token, "url": f"{live_server.url}/store/"}])
    page.goto(f"{live_server.url}/store/enrol/")
    patience.comes_true(lambda: bool(page.evaluate(KEPT)))
    return page


def enrol(page: Page, name: str, phone: str) -> None:
    page.locator("[name=phone]").fill(phone)
    page.locator("[name=given_name]").fill(name)
    page.locator("#enrol-main").click()
    expect(page.locator("#done-name")).to_contain_text(name)
    page.get_by_role("button", name="Next customer").click()


def crash(page: Page) -> None:
    """The tab dies without a word; nothing of it can be tidied up."""
    with page.expect_event("crash"):
        try:
            page.goto("chrome://crash", timeout=5_000)
        except Error:
            pass
    page.close()


def test_five_customers_survive_a_crash_without_network_and_are_there_ten_seconds_after_it_returns(
    enrolment: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    """T6"""
    context.set_offline(True)
    for place, name in enumerate(NAMES):
        enrol(enrolment, name, f"61100000{place}")
    expect(enrolment.locator("#till-net")).to_have_text("Offline · 5 to send")
    crash(enrolment)
    again = context.new_page()
    again.goto(f"{live_server.url}/store/enrol/")
    expect(again.locator("#till-net")).to_contain_text("5 to send")
    again.locator("#till-net").click()
    expect(again.locator("#till-queue li")).to_have_count(5)
    expect(again.locator("#till-queue li").first).to_contain_text("Ana")
    assert "611000000" not in again.locator("#till-queue").inner_text(), "the list says no more than the first name"
    assert not Contact.objects.exists()
    since = time.monotonic()
    context.set_offline(False)
    patience.becomes(lambda: sorted(Contact.objects.values_list("given_name", flat=True)), NAMES)
    expect(again.locator("#till-net")).to_have_text("Online")
    assert time.monotonic() - since < 10
    assert TillEntry.objects.count() == 5


def test_a_request_that_is_repeated_five_times_enrols_her_once(enrolment: Page, context: BrowserContext) -> None:
    """The server takes it and the answer is lost, time and again."""
    sent: list[Any] = []

    def lose(route: Any) -> None:
        sent.append(route.request.post_data)
        route.fetch()
        route.abort()

    context.route("**/store/entries/", lose)
    enrol(enrolment, "Ana", "611000001")
    while len(sent) < 5:
        with enrolment.expect_event("requestfailed"):
            enrolment.evaluate("window.dispatchEvent(new Event('online'))")
        expect(enrolment.locator("#till-net")).to_have_text("Offline · 1 to send")
    expect(enrolment.locator("#till-net")).to_have_text("Offline · 1 to send")
    context.unroute("**/store/entries/")
    enrolment.evaluate("window.dispatchEvent(new Event('online'))")
    expect(enrolment.locator("#till-net")).to_have_text("Online")
    assert len(set(sent)) == 1, "the same id and body each time"
    assert (Contact.objects.count(), TillEntry.objects.count()) == (1, 1)


def test_nothing_that_was_typed_lies_readable_in_the_browser(enrolment: Page, context: BrowserContext) -> None:
    context.set_offline(True)
    enrol(enrolment, "Ana", "611000001")
    found = enrolment.evaluate("""() => new Promise((resolve) => { indexedDB.open("cauce-till").onsuccess = (event) => {
        const rows = event.target.result.transaction(["entries", "keys"]);
        rows.objectStore("entries").getAll().onsuccess = (entries) => {
            rows.objectStore("keys").get("key").onsuccess = (key) => {
                const {box, ...open} = entries.target.result[0];
                resolve({open: JSON.stringify(open), sealed: new TextDecoder("latin1").decode(box.data),
                         extractable: key.target.result.extractable}); }; }; }; })""")
    assert found["extractable"] is False
    for secret in ("Ana", "611000001"):
        assert secret not in found["open"] + found["sealed"]


def test_a_till_that_was_revoked_keeps_no_page_and_what_waits_is_not_lost(
    bruno: Till, enrolment: Page, context: BrowserContext
) -> None:
    context.set_offline(True)
    enrol(enrolment, "Ana", "611000001")
    desk.revoke(bruno.device, actor="test")
    context.set_offline(False)
    patience.becomes(lambda: enrolment.evaluate(CACHES), 0)
    expect(enrolment.locator("#till-net")).to_have_text("Online · 1 to send")
    assert not Contact.objects.exists()


def test_a_browser_that_is_a_till_no_more_keeps_no_page_of_it(
    bruno: Till, enrolment: Page, live_server: LiveServer
) -> None:
    desk.revoke(bruno.device, actor="test")
    enrolment.goto(f"{live_server.url}/store/")
    patience.becomes(lambda: enrolment.evaluate(CACHES), 0)


def test_a_till_that_was_locked_without_network_asks_before_its_forms_are_there(
    enrolment: Page, context: BrowserContext
) -> None:
    context.set_offline(True)
    enrolment.locator("[name=given_name]").fill("Ana")
    enrolment.locator("#till-lock").click()
    button = enrolment.get_by_role("button", name="Go on as Bruno, offline")
    expect(button).to_be_visible()
    enrolment.reload()
    expect(button).to_be_visible()
    button.click()
    expect(button).to_be_hidden()
    expect(enrolment.locator("[name=given_name]")).to_have_value("")


def test_the_refused_one_is_mended_from_another_screen_or_discarded_after_a_question(
    enrolment: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    context.set_offline(True)
    enrol(enrolment, "Ana", "12")
    enrol(enrolment, "Bea", "13")
    context.set_offline(False)
    expect(enrolment.locator("#till-net")).to_have_text("Online · 2 needs you")
    enrolment.goto(f"{live_server.url}/store/purchase/")
    enrolment.locator("#till-net").click()
    discard = enrolment.locator("#till-queue li").filter(has_text="Bea").locator("[data-discard]")
    discard.click()
    expect(discard).to_have_text("Discard for good?")
    discard.click()
    expect(enrolment.locator("#till-queue li")).to_have_count(1)
    enrolment.get_by_role("button", name="Correct it").click()
    expect(enrolment.locator("[name=given_name]")).to_have_value("Ana")
    enrolment.locator("[name=phone]").fill("611000001")
    enrolment.locator("#enrol-main").click()
    expect(enrolment.locator("#done-name")).to_contain_text("Ana")
    patience.becomes(Contact.objects.count, 1)


def test_without_https_the_till_says_that_it_keeps_nothing(
    bruno: Till, context: BrowserContext, page: Page, live_server: LiveServer
) -> None:
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', {get: () => undefined})")
    page.context.add_cookies([{"name": desk.COOKIE, "value": bruno.token, "url": f"{live_server.url}/store/"}])
    page.goto(f"{live_server.url}/store/enrol/")
    expect(page.get_by_text("This till cannot work offline")).to_be_visible()
    enrol(page, "Ana", "611000001")
    assert Contact.objects.get().given_name == "Ana"
    rows = "indexedDB.databases().then((all) => all.filter((each) => each.name === 'cauce-till').length)"
    assert page.evaluate(rows) == 0
