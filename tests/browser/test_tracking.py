"""Pages of a shop, elsewhere, that tell what people do: with our snippet, and with the unmodified SDKs of others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Enrolment
from config import work
from crm import apikeys, clock
from crm.models import Cart, Contact, Event
from tests.browser.patience import becomes

pytestmark = pytest.mark.django_db(transaction=True)
ROOT: Final = Path(__file__).parents[2]
MODULES: Final = ROOT / "tests" / "sdks" / "node_modules"
SEGMENT: Final = MODULES / "@segment/analytics-next/dist/umd/index.js"
RUDDER: Final = MODULES / "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
ADDED: Final = {
    "cart_id": "c1",
    "sku": "boot",
    "name": "Mountain boot",
    "price": "120.00",
    "currency": "EUR",
    "quantity": 1,
}


class Storefront:
    """The shop's own site, at another origin. `pages` by path; files of SDKs by theirs."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {"/away": "<!doctype html><title>Away</title>"}
        self.files = {"/segment.js": SEGMENT, "/rudder.js": RUDDER}
        self.url = ""

    def put(self, path: str, *scripts: str) -> str:
        self.pages[path] = "<!doctype html><html lang=en><title>Boots</title>" + "".join(scripts)
        return f"{self.url}{path}"


@pytest.fixture
def front() -> Iterator[Storefront]:
    found = Storefront()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            text = found.files[path].read_bytes() if path in found.files else found.pages.get(path, "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if path in found.files else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def key(transactional_db: None) -> str:
    return apikeys.create("tracking", "site")


def snippet(server: LiveServer, key: str) -> str:
    return f'<script src="{server.url}/static/js/track.js" data-key="{key}"></script>'


def names() -> list[str]:
    return list(Event.objects.exclude(name="Contact Created").order_by("id").values_list("name", flat=True))


def told() -> set[str]:
    return set(names())


def call(page: Page, name: str, *said: Any) -> None:
    page.evaluate("([name, said]) => { window.cauce[name](...said); }", [name, list(said)])


def test_a_cart_that_is_left_on_a_page_starts_the_journey(
    live_server: LiveServer, quiet_page: Page, front: Storefront, key: str
) -> None:
    document = json.loads((ROOT / "campaigns/examples/abandoned_cart.json").read_text()) | {"holdout_pct": 0}
    _publish(deepcopy(document))
    quiet_page.goto(front.put("/boots", snippet(live_server, key), "<script>cauce.page('Boots')</script>"))
    call(quiet_page, "track", "Product Added", ADDED)
    becomes(lambda: Cart.objects.count(), 1)
    assert told() == {"Page Viewed", "Product Added", "Cart Updated"}
    seen = Event.objects.get(name="Page Viewed")
    assert (seen.context["page"]["path"], seen.properties["title"]) == ("/boots", "Boots")
    clock.advance(timedelta(minutes=61))
    work.drain(60)
    assert Enrolment.objects.get().contact_id == Cart.objects.get().contact_id


def _publish(document: dict[str, Any]) -> None:
    from tests.flows.conftest import Shop

    shop = Shop()
    shop.post("products/", [{"sku": "boot", "name": "Mountain boot", "price": {"amount": "120.00", "currency": "EUR"}}])
    shop.post("stock/", {"sku": "boot", "store": "online", "available": 7, "at": clock.now().isoformat()})
    shop.campaign(document)


def test_what_was_told_just_before_leaving_arrives_and_the_visitor_stays_the_same(
    live_server: LiveServer, quiet_page: Page, front: Storefront, key: str
) -> None:
    where = front.put("/boots", snippet(live_server, key))
    quiet_page.goto(where)
    call(quiet_page, "track", "Left Behind")
    quiet_page.goto(f"{front.url}/away")
    becomes(names, ["Left Behind"])
    quiet_page.goto(where)
    call(quiet_page, "identify", "elena-1", {"email": "elena@example.com", "firstName": "Elena"})
    call(quiet_page, "track", "Came Back")
    becomes(lambda: names()[-1], "Came Back")
    elena = Contact.objects.get(merged_into=None)
    assert elena.given_name == "Elena"
    assert set(Event.objects.values_list("contact_id", flat=True)) == {elena.pk}
    call(quiet_page, "reset")
    call(quiet_page, "track", "Somebody Else")
    becomes(lambda: Contact.objects.filter(merged_into=None).count(), 2)


def test_what_is_called_before_the_script_is_there_is_told_too(
    live_server: LiveServer, quiet_page: Page, front: Storefront, key: str
) -> None:
    early = '<script>window.cauce = window.cauce || []; cauce.push(["track", "Early", {"a": 1}])</script>'
    quiet_page.goto(front.put("/boots", early, snippet(live_server, key)))
    becomes(names, ["Early"])


@pytest.mark.parametrize("wish", ["globalPrivacyControl", "doNotTrack"])
def test_whoever_does_not_want_to_be_tracked_is_not(
    live_server: LiveServer, context: BrowserContext, front: Storefront, key: str, wish: str
) -> None:
    value = "true" if wish == "globalPrivacyControl" else '"1"'
    context.add_init_script(f"Object.defineProperty(navigator, '{wish}', {{get: () => {value}}})")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(front.put("/boots", snippet(live_server, key)))
    call(page, "identify", "elena-1", {"email": "elena@example.com"})
    call(page, "track", "Product Added", ADDED)
    page.goto(f"{front.url}/away")
    page.wait_for_timeout(600)
    assert not [url for url in asked if "/v1/" in url]
    assert context.cookies() == []
    assert not Contact.objects.exists()


SEGMENT_PAGE: Final = """<script src="/segment.js"></script><script>
const {{ AnalyticsBrowser }} = window.AnalyticsNext || window;
const sdk = AnalyticsBrowser.load({{ writeKey: "{key}", cdnURL: "{host}" }});
"""
RUDDER_PAGE: Final = """<script src="/rudder.js"></script><script>
const sdk = new rudderanalytics.RudderAnalytics();
sdk.load("{key}", "{host}", {{ configUrl: "{host}", queueOptions: {{ flushQueueTimeout: 100 }} }});
"""
EVENING: Final = """
sdk.page("Home");
sdk.track("Product Viewed", {{ sku: "R2" }});
sdk.identify("elena-1", {{ email: "elena@example.com", firstName: "Elena", shoe_size: 39 }});
sdk.track("Product Added", {{ cart_id: "c1", sku: "R1", price: 89.9, quantity: 1 }});
sdk.group("acme", {{ name: "Acme" }});
</script>"""


@pytest.mark.parametrize("which", ["segment", "rudder"])
def test_the_unmodified_browser_sdks_arrive_with_only_the_host_changed(
    live_server: LiveServer, page: Page, front: Storefront, key: str, which: str
) -> None:
    if not SEGMENT.exists():
        pytest.skip("the SDKs are not installed: make setup")
    opening = SEGMENT_PAGE if which == "segment" else RUDDER_PAGE
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(front.put("/home", (opening + EVENING).format(key=key, host=live_server.url)))
    wanted = {"Page Viewed", "Product Viewed", "Identified", "Product Added", "Cart Updated", "Group Joined"}
    becomes(told, wanted)
    assert all(url.startswith((front.url, live_server.url)) for url in asked), "nothing goes elsewhere"
    elena = Contact.objects.get(merged_into=None)
    assert (elena.given_name, elena.fields) == ("Elena", {"shoe_size": 39})
    assert set(elena.identifiers.values_list("kind", flat=True)) == {"email", "external_id", "anonymous_id"}
    assert sorted(names()) == sorted(wanted), "each once"
