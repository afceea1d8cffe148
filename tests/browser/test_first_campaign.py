"""From an empty house to a campaign that works: real server, workers, database and clock, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.config.installation import Installation, wait_for

pytestmark = [pytest.mark.real_processes, pytest.mark.slow]
PASSWORD = "a-river-runs-2026"
PEOPLE = ("Elena", "Dario", "Lucia", "Mateo", "Irina", "Oleg")
CLICKS_TO_PUBLISH = 25
Click = Callable[..., None]
WORDS = (
    "{{ contact.given_name | default: 'Hello' }}, 15% on "
    "{% for product in viewed limit: 1 %}{{ product.name }}{% endfor %}, code RIO15."
)


class House:
    """A running installation, its shop's key, and how often Ada has clicked."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.key = ""
        self.clicks = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(
            f"{self.installation.url}/api/v1/{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def come(self, name: str) -> None:
        """Somebody who said yes to offers by e-mail and SMS, and to being followed there."""
        consents = [
            {"purpose": purpose, "channel": channel, "action": "granted", "basis": "consent", "method": "web_form",
             "source": "checkout"}
            for purpose, channel in (("offers", "email"), ("offers", "sms"), ("tracking", "email"))
        ]  # fmt: skip
        number = sum(map(ord, name))
        self.call("POST", "contacts/", {
            "identifiers": [
                {"kind": "email", "value": f"{name.lower()}@example.com"},
                {"kind": "phone", "value": f"+34600{number:06d}"},
            ],
            "given_name": name, "country": "ES", "consents": consents,
        })  # fmt: skip

    def happen(self, name: str, event: str, /, **properties: Any) -> None:
        who = {"email": f"{name.lower()}@example.com"}
        self.call("POST", "events/", {"contact": who, "name": event, "properties": properties, "channel": "web"})

    def clock(self, *words: str) -> None:
        done = self.installation.manage("clock", *words)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def house() -> Iterator[House]:
    installation = Installation(TESTING_CLOCK="1", CAUCE_MODE="test", DEFAULT_LANGUAGE="en")
    try:
        installation.up("--no-demo", "--workers", "1")
        yield House(installation)
    finally:
        installation.remove()


@pytest.fixture
def ada(house: House, page: Page) -> Click:
    """Ada clicks, and it is counted."""

    def click(locator: Any) -> None:
        house.clicks += 1
        locator.click()

    page.set_viewport_size({"width": 1440, "height": 900})
    return click


def set_up(house: House, page: Page) -> None:
    page.goto(house.installation.url)
    page.wait_for_url("**/setup/")
    page.locator("#id_name").fill("Casa Norte")
    page.locator("#id_country").select_option("ES")
    page.locator("#id_postal_address").fill("Calle Mayor 1, 28013 Madrid")
    page.locator("#id_admin_name").fill("Ada")
    page.locator("#id_email").fill("ada@example.com")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_sender_name").fill("Casa Norte")
    page.locator("#id_sender_address").fill("hola@casanorte.example")
    page.get_by_role("button", name="Set up and go on").click()
    expect(page.locator(".invalid-feedback")).to_have_count(0)
    page.wait_for_url("**/setup/start/")
    house.key = house.installation.manage("create_api_key", "--role", "admin", "--name", "shop").stdout.split()[-1]


def stock(house: House, now: str) -> None:
    for sku, name, price in (("boot", "Mountain boot", "120.00"), ("sock", "Wool sock", "12.00")):
        url = f"https://shop.example/{sku}"
        house.call("POST", "products/", [
            {"sku": sku, "name": name, "url": url, "price": {"amount": price, "currency": "EUR"}},
        ])  # fmt: skip
        house.call("POST", "stock/", {"sku": sku, "store": "online", "available": 3, "at": now})


def mails(page: Page, house: House, channel: str) -> int:
    page.goto(f"{house.installation.url}/sandbox/?channel={channel}")
    return page.locator(".letter-list a").count()


def publish_a_cart_campaign(house: House, page: Page, ada: Click) -> str:
    """She takes the ready-made campaign, adapts its SMS, tries it and publishes; answers its id."""
    page.goto(house.installation.url)
    ada(page.get_by_role("link", name="New campaign").first)
    ada(page.get_by_role("button", name="Use this Abandoned cart"))
    page.wait_for_url("**/journey/**")
    ada(page.locator("[data-id=text]").first)
    ada(page.locator("#panel").get_by_role("link", name="Edit message"))
    text = page.locator("#message-form textarea[name=text]")
    text.fill(WORDS)
    expect(page.locator("#saved")).to_contain_text("Saved")
    ada(page.get_by_role("button", name="Send me a test"))
    page.get_by_label("Your own mobile number").fill("+34600999111")
    ada(page.get_by_role("dialog").get_by_role("button", name="Send", exact=True))
    expect(page.locator(".toast-x")).to_be_visible()
    ada(page.get_by_role("link", name="Abandoned cart").first)
    ada(page.get_by_role("link", name=re.compile("Review")).first)
    ada(page.get_by_role("button", name="Publish version 1"))
    ada(page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True))
    expect(page.get_by_text("Live v1").first).to_be_visible()
    found = re.search(r"cmp_\w+", page.url)
    assert found
    return found[0]


def leave_carts(house: House, page: Page) -> None:
    """Six people leave a cart; two hours later the mail is there for those who are not held out."""
    for name in PEOPLE:
        house.happen(name, "Product Added", cart_id=name, sku="boot", product_id="boot", price="120.00",
                     currency="EUR", quantity=1)  # fmt: skip
    house.clock("advance", "2h")
    wait_for(lambda: mails(page, house, "email") >= 3, 30)
    page.locator(".letter-list a").first.click()
    expect(page.locator("h1")).to_contain_text("still yours")
    frame = page.frame_locator("iframe.letter-frame")
    expect(frame.get_by_text("3 left")).to_be_visible()


def buy(house: House, page: Page) -> str:
    """Who reads the mail that is open follows its link and buys; answers who it is."""
    who = page.locator(".letter-head dd").nth(1).inner_text().partition("@")[0].capitalize()
    frame = page.frame_locator("iframe.letter-frame")
    link = frame.get_by_role("link", name="Back to the cart").get_attribute("href")
    assert link
    clicked = page.request.get(link, max_redirects=0)
    assert clicked.headers["location"].startswith("https://shop.example/cart")
    house.happen(who, "Order Completed", order_id="o-1", cart_id=who, total="120.00", currency="EUR")
    return who


def test_ada_goes_from_an_empty_house_to_a_campaign_that_works(house: House, page: Page, ada: Click) -> None:
    house.clock("set", "2027-03-23T10:00:00Z")  # a Tuesday, nobody's quiet hours
    set_up(house, page)
    stock(house, "2027-03-23T09:00:00Z")
    for name in PEOPLE:
        house.come(name)
        house.happen(name, "Product Viewed", sku="sock", product_id="sock", name="Wool sock")
    campaign = publish_a_cart_campaign(house, page, ada)
    assert house.clicks <= CLICKS_TO_PUBLISH
    leave_carts(house, page)
    who = buy(house, page)
    report = f"{house.installation.url}/campaigns/{campaign}/report/"

    def reached() -> bool:
        page.goto(report)
        return page.locator(".strip .tile-number").nth(1).inner_text() == "1"

    wait_for(reached, 30)
    expect(page.get_by_text("Adds up")).to_be_visible()
    expect(page.get_by_role("heading", name="Does it work?")).to_be_in_viewport()

    # Two days later the others get her words by SMS; the buyer does not.
    house.clock("advance", "2d")
    wait_for(lambda: mails(page, house, "sms") >= 3, 30)  # her test is one of them
    page.locator(".letter-list a").first.click()
    expect(page.locator(".bubble").last).to_contain_text("15% on Wool sock, code RIO15")
    number = sum(map(ord, who))
    page.goto(f"{house.installation.url}/sandbox/?channel=sms&who=%2B34600{number:06d}")
    expect(page.get_by_text("No message fits")).to_be_visible()
    proved = house.installation.manage("verify_ledger")
    assert proved.returncode == 0, proved.stdout + proved.stderr
