"""Bruno at the till, on a tablet: he unlocks it, enrols, finds, sells, also without network, counted in taps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import capture, clock
from crm.capture import Arrival
from crm.models import Contact, Order, TillEntry
from crm.normalise import Trace
from crm.till import desk
from tests.browser import patience
from tests.browser.keystrokes import watched
from tests.crm.till.people import MANAGERS, PIN, Till, till

Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)
# A tap with its pointing, on a tablet (seconds).
TAP = 0.6


@pytest.fixture(autouse=True)
def _tablet(page: Page) -> None:
    page.set_viewport_size({"width": 1180, "height": 820})


def at(found: Till, page: Page, live_server: LiveServer, place: str = "enrol/") -> Page:
    page.context.add_cookies([{"name": desk.COOKIE, "value": found.token, "url": f"{live_server.url}/store/"}])
    page.goto(f"{live_server.url}/store/{place}")
    patience.settled(page)
    return page


def scan(page: Page, code: str, gap: float = 15, end: str = "Enter") -> None:
    """A reader types like this."""
    for letter in code:
        page.keyboard.press(letter)
        page.wait_for_timeout(gap)
    page.keyboard.press(end)


def carmen(home: str = "VLC") -> int:
    traces = [Trace("phone", "+34600112233"), Trace("card", "291000487731")]
    fields = {"given_name": "Carmen", "family_name": "Martínez", "home_store": home}
    (found,) = capture.receive([Arrival(traces, fields)], now=clock.now())
    assert found.contact_id
    return found.contact_id


def test_bruno_signs_in_and_unlocks_with_five_taps(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    found = till(locked=True)
    page = quiet_page
    page.goto(f"{live_server.url}/store/")
    look(page, "till-sign-in")
    at(found, page, live_server, "lock/")
    look(page, "till-lock")
    with watched() as hands:
        page.get_by_role("button", name="Bruno").click()
        for digit in PIN:
            page.locator("#pin-form").get_by_role("button", name=digit, exact=True).click()
    assert hands.clicks == 5
    look(page, "till-pin")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", name="Enrol a customer")).to_be_attached()
    assert hands.clicks * TAP <= 3
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    page.get_by_role("button", name="Bruno").click()
    page.keyboard.type("9999")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This PIN is not right.")).to_be_visible()


def test_a_scan_shows_carmen_and_she_buys_and_it_is_voided(
    quiet_page: Page, live_server: LiveServer, look: Look
) -> None:
    """T3: nothing to tap after the scan; a purchase is the amount and one tap."""
    found, number = till(), carmen()
    page = at(found, quiet_page, live_server, "find/")
    look(page, "till-find")
    page.get_by_label("Card, phone, email or name").fill("carmen")
    expect(page.get_by_role("link", name="Carmen M.")).to_be_visible()
    look(page, "till-found")
    scan(page, "291000487731")
    expect(page.get_by_role("heading", name="Carmen M.")).to_be_visible()
    assert "600112233" not in page.content()
    look(page, "till-person")
    patience.fits(page)
    page.get_by_role("link", name="Register purchase").click()
    look(page, "till-purchase")
    for digit in ("4", "2", ",", "5"):
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Register purchase").click()
    expect(page.get_by_role("heading", name="42.5 registered.")).to_be_visible()
    assert (str(Order.objects.get().total), Order.objects.get().contact_id) == ("42.50", number)
    page.get_by_role("button", name="Next customer").click()
    page.get_by_text("Products").click()
    page.get_by_role("button", name="Add a product").click()
    page.get_by_label("Article number").fill("SHOE-1")
    page.get_by_label("Quantity").fill("3")
    page.get_by_label("Price of one").fill("0,1")
    expect(page.get_by_label("Amount EUR")).to_have_value("0.30")
    look(page, "till-lines")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Void").click()
    expect(page.get_by_text("voided")).to_be_visible()
    assert Order.objects.get().state == "cancelled"


def test_chiara_says_no_in_two_taps_and_yes_with_the_text(
    quiet_page: Page, live_server: LiveServer, look: Look
) -> None:
    from crm import publicids
    from tests.crm.people import say

    found, number = till(), carmen()
    say(clock.now(), number, "granted", "offers", "sms")
    page = at(found, quiet_page, live_server, f"people/{publicids.encode('ctc', number)}/")
    row = page.locator(".answer").filter(has_text="SMS")
    expect(row).to_contain_text("Yes")
    row.get_by_role("button", name="They say no").click()
    expect(page.get_by_text("It counts from now on.")).to_be_visible()
    page.locator(".answer").filter(has_text="WhatsApp").get_by_role("button", name="They say yes").click()
    expect(page.get_by_role("dialog")).to_contain_text("¿Quiere recibir nuestras ofertas?")
    look(page, "till-consent")
    page.get_by_role("dialog").get_by_role("button", name="They say yes").click()
    expect(page.get_by_text("We wait for their yes at that address.")).to_be_visible()
    expect(page.locator(".answer").filter(has_text="WhatsApp")).to_contain_text("waiting for their yes")


def test_every_screen_fits_a_phone_and_a_tablet_on_its_side(quiet_page: Page, live_server: LiveServer) -> None:
    page = at(till(), quiet_page, live_server)
    for place in ("enrol/", "find/", "purchase/", "decisions/", "pin/", "sign-out/", "lock/"):
        page.goto(f"{live_server.url}/store/{place}")
        patience.fits(page, 320, 820, 1180)


# --- without network ---------------------------------------------------------------------------------


def enrol(page: Page, name: str, phone: str) -> None:
    page.locator("[name=phone]").fill(phone)
    page.locator("[name=given_name]").fill(name)
    page.locator("#enrol-main").click()
    expect(page.locator("#done-name")).to_contain_text(name, timeout=20_000)
    page.get_by_role("button", name="Next customer").click()


def kept(page: Page) -> None:
    """The forms are kept in the browser for when the network goes."""
    found = "caches.match('/store/enrol/').then((kept) => Boolean(kept && document.documentElement.dataset.kept))"
    patience.comes_true(lambda: bool(page.evaluate(found)))


def test_an_answer_that_was_lost_on_the_way_is_asked_for_again_and_she_is_one(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    at(till(), page, live_server)
    sent: list[Any] = []

    def lose(route: Any) -> None:
        sent.append(route.request.post_data)
        route.fetch()  # the server takes it
        route.abort()  # and nobody hears of it

    context.route("**/store/entries/", lose)
    enrol(page, "Ana", "611000001")
    patience.becomes(Contact.objects.count, 1)
    context.unroute("**/store/entries/")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#till-net")).to_have_text("Online")
    assert len(sent) >= 1
    assert (Contact.objects.count(), TillEntry.objects.count()) == (1, 1)


def test_nobody_signs_a_till_out_while_something_waits(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    at(till(), page, live_server)
    kept(page)
    context.set_offline(True)
    enrol(page, "Ana", "611000001")
    page.locator("#till-net").click()
    page.get_by_role("link", name="Sign this till out").click()
    expect(page.get_by_text("sign out when it has gone")).to_be_visible()


def test_marta_adds_a_till_and_sets_a_pin(quiet_page: Page, live_server: LiveServer, look: Look) -> None:
    from django.test import Client

    found = till()
    office = Client()
    office.force_login(found.manager.user)
    page = quiet_page
    page.context.add_cookies(
        [{"name": "sessionid", "value": office.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/settings/stores/{found.store.pk}/tills/")
    look(page, "tills")
    page.get_by_label("Name of the new till").fill("Desk 2")
    page.get_by_role("button", name="Add a till").click()
    expect(page.get_by_text("is not shown again")).to_be_visible()
    look(page, "till-code")
    assert MANAGERS not in page.content()
