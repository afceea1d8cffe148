"""Bruno sells with the reader: bar codes of articles beside cards, and a shop whose cards look like no other's."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import clock, workspace
from crm.models import Order, Product
from crm.normalise import Trace
from tests.browser import patience
from tests.browser.test_till import at, carmen, scan
from tests.crm.people import come
from tests.crm.till.people import till

Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)
PENS, UNKNOWN = "4006381333931", "96385074"


@pytest.fixture(autouse=True)
def _tablet(page: Page) -> None:
    page.set_viewport_size({"width": 1180, "height": 820})


def rest(page: Page) -> None:
    """Nobody holds two things before a reader at once."""
    page.wait_for_timeout(400)


def test_carmen_buys_pens_by_their_bar_code_and_something_nobody_knows(
    quiet_page: Page, live_server: LiveServer, look: Look
) -> None:
    Product.objects.create(sku="PEN-4", name="Pens, four", price=Decimal("6.90"), attributes={"gtin": PENS})
    found, number = till(), carmen()
    page = at(found, quiet_page, live_server, "purchase/")
    scan(page, "291000487731")
    expect(page.get_by_label("Card", exact=True)).to_have_value("2910 0048 7731")
    rest(page)
    scan(page, PENS)
    line = page.locator(".line")
    expect(line).to_contain_text("Pens, four")
    expect(page.get_by_label("Card", exact=True)).to_have_value("2910 0048 7731")
    expect(page.get_by_label("Amount EUR")).to_have_value("6.90")
    rest(page)
    scan(page, PENS)
    expect(page.get_by_label("Quantity")).to_have_value("2")
    rest(page)
    scan(page, UNKNOWN)
    expect(line).to_have_count(2)
    expect(page.get_by_label("Price of one").last).to_be_focused()
    page.keyboard.type("1,20")
    expect(page.get_by_label("Amount EUR")).to_have_value("15.00")
    look(page, "till-goods")
    patience.fits(page, 320, 820, 1180)
    page.get_by_role("button", name="Take it off").last.click()
    expect(page.get_by_label("Amount EUR")).to_have_value("13.80")
    page.get_by_role("button", name="Register purchase").click()
    expect(page.get_by_role("heading", name="13.80 registered.")).to_be_visible()
    order = Order.objects.get()
    assert (order.contact_id, order.total) == (number, Decimal("13.80"))
    assert [(each.sku, each.name, each.quantity) for each in order.lines.all()] == [("PEN-4", "Pens, four", Decimal(2))]


def test_without_network_a_bar_code_is_a_line_whose_price_is_typed(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    at(till(), page, live_server, "purchase/")
    context.set_offline(True)
    scan(page, UNKNOWN)
    expect(page.get_by_label("Article number")).to_have_value(UNKNOWN)
    expect(page.get_by_label("Price of one")).to_be_focused()


def test_cards_that_look_like_no_others_are_read_and_goods_are_none(quiet_page: Page, live_server: LiveServer) -> None:
    workspace.change({"identifiers": {"card": {"shape": {"digits": [9], "begins": ["VIP"], "check": "none"}}}}, "test")
    found = till()
    come(clock.now(), Trace("card", "VIP004711"), given_name="Carmen", family_name="Soler", home_store="VLC")
    page = at(found, quiet_page, live_server, "find/")
    scan(page, PENS)
    expect(page.get_by_role("heading", name="Carmen S.")).to_be_hidden()
    rest(page)
    scan(page, "VIP004711")
    expect(page.get_by_role("heading", name="Carmen S.")).to_be_visible()
    page.goto(f"{live_server.url}/store/enrol/")
    patience.settled(page)
    scan(page, "VIP00471")
    expect(page.locator("#err-card")).to_have_text("The card was not read well. Scan it again.")
