"""Ada puts a segment together: by mouse in a few clicks, by keys alone, and with mistakes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Campaign
from crm import clock, publicids
from crm.models import Segment, User
from crm.segments import edit, fixed, live, parse
from tests.browser import keystrokes
from tests.browser.patience import becomes, fits
from tests.crm.segments.test_upkeep import somebody, tell

PASSWORD = "cauce-demo-2026"
pytestmark = pytest.mark.django_db(transaction=True)
RUNNING = "bought with category has any of running at least 2 times in the last 2 years"
WORDS = f"{RUNNING}, and did not buy in the last 120 days."


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    live.forget()
    yield
    live.forget()


@pytest.fixture
def ada(live_server: LiveServer, quiet_page: Page) -> Page:
    return at_work(live_server, quiet_page)


def at_work(live_server: LiveServer, page: Page) -> Page:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/login/?next=/segments/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Segments", level=1)).to_be_visible()
    return page


def shows(page: Page, total: int) -> float:
    """Wait for the count; how many seconds it took."""
    began = time.monotonic()
    expect(page.locator(f"#count [data-total='{total}']")).to_be_visible()
    return time.monotonic() - began


def test_ada_builds_her_win_back_segment_in_few_clicks(ada: Page, look: Callable[[Page, str], None]) -> None:
    with keystrokes.watched() as hands:
        build_win_back(ada, look)
    # Three rules with two values each, their kind, and a name: a decision for each.
    assert hands.seconds(decisions=12) < 120


def build_win_back(ada: Page, look: Callable[[Page, str], None]) -> None:
    """T12: bought running twice in 24 months, nothing for 120 days, not in Win back."""
    long_ago = clock.now() - clock_days(200)
    for name, times, category in (("Runner", 2, "running"), ("Once", 1, "running"), ("Swimmer", 3, "swimming")):
        contact = somebody(name)
        for _ in range(times):
            tell(contact, at=long_ago, properties={"category": [category]})
    recent = somebody("Recent")
    for at in (long_ago, clock.now()):
        tell(recent, at=at, properties={"category": ["running"]})
    campaign = Campaign.objects.create(name="Win back", document={})
    look(ada, "segments-empty")
    fits(ada)
    clicks = Clicks(ada)
    clicks.on(ada.get_by_role("link", name="Make the first segment"))
    shows(ada, 4)
    look(ada, "segment-new")
    fits(ada)
    clicks.on(ada.locator(".starting").get_by_role("button", name="Bought", exact=True))
    row = ada.locator("#at-main-0")
    expect(row.get_by_label("Value")).to_be_focused()
    ada.keyboard.type("running")
    clicks.on(row.get_by_label("Number of times"))
    ada.keyboard.press("Control+a")
    ada.keyboard.type("2")
    clicks.on(row.get_by_label("How long"))
    ada.keyboard.press("Control+a")
    ada.keyboard.type("24")
    clicks.count += 1
    row.get_by_label("Unit").select_option("months")
    assert shows(ada, 2) < 2
    expect(ada.locator("#n-at-main-0")).to_have_text("2")
    clicks.on(ada.locator("#at-main > .adds summary"))
    clicks.on(ada.get_by_role("button", name="Has not bought for"))
    second = ada.locator("#at-main-1")
    clicks.on(second.get_by_label("How long"))
    ada.keyboard.press("Control+a")
    ada.keyboard.type("120")
    assert shows(ada, 1) < 2
    clicks.on(ada.locator("#at-not > .adds summary"))
    clicks.on(ada.locator("#at-not").get_by_role("button", name="Is in a campaign"))
    expect(ada.locator("#n-at-not-0")).to_contain_text("Choose one")
    clicks.count += 1
    ada.locator("#at-not-0").get_by_label("Campaign").select_option(label="Win back")
    expect(ada.locator("#n-at-not-0")).to_have_text("0")
    expect(ada.locator("#words")).to_have_text(f"{WORDS} But not: is in campaign “Win back”")
    expect(ada.locator(".someone")).to_contain_text("2 times, last on")
    look(ada, "segment-built")
    clicks.on(ada.get_by_label("Name", exact=True))
    ada.keyboard.type("Runners who stopped buying")
    clicks.on(ada.get_by_role("button", name="Save segment"))
    expect(ada.get_by_role("heading", name="Runners who stopped buying")).to_be_visible()
    assert clicks.count <= 20, clicks.count
    kept = Segment.objects.get()
    assert (kept.count, f"campaign:{campaign.pk}" in kept.mentions) == (1, True)


def test_the_builder_by_keys_alone(ada: Page, live_server: LiveServer) -> None:
    somebody("Chiara", country="ES")
    ada.goto(f"{live_server.url}/segments/new/")
    ada.locator(".starting").get_by_role("button", name="Lives in a city").focus()
    ada.keyboard.press("Enter")
    expect(ada.locator("#at-main-0").get_by_label("Value")).to_be_focused()
    ada.keyboard.type("Lyon")
    shows(ada, 0)
    ada.locator("#at-main-0").focus()
    ada.keyboard.press("Backspace")
    expect(ada.locator("#at-main-0")).to_have_count(0)
    expect(ada.locator("#rule [role=status]")).to_contain_text("Rule removed.")
    ada.get_by_role("button", name="Undo").focus()
    ada.keyboard.press("Enter")
    expect(ada.locator("#at-main-0").get_by_label("Value")).to_have_value("Lyon")
    ada.get_by_label("Name", exact=True).focus()
    ada.keyboard.type("From Lyon")
    ada.keyboard.press("Control+Enter")
    expect(ada.get_by_role("heading", name="From Lyon")).to_be_visible()
    assert Segment.objects.get().rule == {"all": [{"f": "contact.city", "op": "is", "v": "Lyon"}]}


def test_a_nested_rule_a_mistake_and_does_this_contact_match(
    ada: Page, live_server: LiveServer, look: Callable[[Page, str], None]
) -> None:
    chiara = somebody("Chiara", given_name="Chiara", country="ES", city="Lyon")
    tell(chiara)
    rule = {
        "all": [
            {"f": "contact.country", "op": "is", "v": "ES"},
            {"any": [{"event": "Order Completed"}, {"all": [{"stage": "lead"}, {"any": [{"all": [{"tag": "a"}]}]}]}]},
            {"none": [{"f": "reachable.sms", "op": "is", "v": True}]},
        ]
    }
    segment = edit.create("Nested", rule, actor="user:1", now=clock.now())
    ada.goto(f"{live_server.url}/segments/")
    expect(ada.locator(f"#reach-email-{segment.pk}")).to_have_text("0")
    look(ada, "segments-list")
    fits(ada)
    ada.get_by_role("link", name="Nested").click()
    shows(ada, 1)
    expect(ada.locator(".someone")).to_contain_text("Chiara")
    look(ada, "segment-nested")
    fits(ada)
    ada.get_by_label("Does a contact match?").fill("Chiara")
    expect(ada.locator("#match")).to_contain_text("matches")
    expect(ada.locator("#match .ticks li")).to_have_count(5)
    look(ada, "segment-match")
    ada.get_by_role("link", name="People in it").click()
    expect(ada.get_by_role("heading", name="People in it")).to_be_visible()
    expect(ada.locator("tbody tr")).to_have_count(1)
    look(ada, "segment-people")
    fits(ada)
    kept = fixed.snapshot("As of today", parse.parse(rule), actor="user:1", now=clock.now())
    ada.goto(f"{live_server.url}/segments/{publicids.encode('seg', kept.pk)}/")
    expect(ada.get_by_text("Taken from: country is ES")).to_be_visible()
    look(ada, "segment-fixed")
    fits(ada)


def test_a_mistake_is_shown_where_it_stands(
    page: Page, live_server: LiveServer, look: Callable[[Page, str], None]
) -> None:
    """Not a quiet page: Chromium notes an answer 422 on its console."""
    ada = at_work(live_server, page)
    segment = edit.create("Spain", {"f": "contact.country", "op": "is", "v": "ES"}, actor="user:1", now=clock.now())
    ada.goto(f"{live_server.url}/segments/{publicids.encode('seg', segment.pk)}/")
    shows(ada, 0)
    ada.locator("#at-main-0").get_by_label("Value").fill("")
    expect(ada.locator("#n-at-main-0")).to_contain_text("Fill in")
    with ada.expect_response(lambda answer: answer.request.method == "POST" and "/save/" in answer.url) as told:
        ada.get_by_role("button", name="Save segment").click()
    assert told.value.status == 422
    expect(ada.locator("#p-at-main-0")).to_contain_text("Fill in what is empty.")
    expect(ada.locator("#mistakes")).to_be_focused()
    expect(ada.locator("#count [data-total]")).to_be_visible()
    look(ada, "segment-mistake")


def test_what_is_not_saved_is_kept_in_the_browser(
    page: Page, live_server: LiveServer, look: Callable[[Page, str], None]
) -> None:
    """Not a quiet page: Chromium notes each request that does not get through."""
    ada, url = at_work(live_server, page), f"{live_server.url}/segments/new/"
    somebody("Chiara", city="Lyon")
    ada.goto(url)
    expect(ada.locator("#kept [data-words]")).to_have_text("")
    ada.locator(".starting").get_by_role("button", name="Lives in a city").click()
    ada.locator("#at-main-0").get_by_label("Value").fill("Lyon")
    ada.get_by_label("Name", exact=True).fill("From Lyon")
    expect(ada.locator("#kept")).to_contain_text("Not saved yet: kept in this browser")
    look(ada, "segment-kept")
    fits(ada)
    ada.reload()
    expect(ada.get_by_label("Name", exact=True)).to_have_value("From Lyon")
    expect(ada.locator("#at-main-0").get_by_label("Value")).to_have_value("Lyon")
    shows(ada, 1)
    assert not Segment.objects.exists()
    ada.get_by_role("button", name="Discard").click()
    expect(ada.locator("#kept")).to_contain_text("Discarded.")
    expect(ada.locator("#at-main-0")).to_have_count(0)
    ada.locator("#kept").get_by_role("button", name="Undo").click()
    expect(ada.locator("#at-main-0").get_by_label("Value")).to_have_value("Lyon")
    ada.context.set_offline(True)
    ada.get_by_role("button", name="Save segment").click()
    expect(ada.locator("#kept")).to_contain_text("No connection: kept here")
    ada.context.set_offline(False)
    expect(ada.locator("#kept")).to_contain_text("Not saved yet: kept in this browser")
    ada.get_by_role("button", name="Save segment").click()
    expect(ada.get_by_role("heading", name="From Lyon")).to_be_visible()
    expect(ada).not_to_have_url(re.compile("kept="))
    expect(ada.locator("#kept [data-words]")).to_have_text("")
    assert Segment.objects.get().rule == {"all": [{"f": "contact.city", "op": "is", "v": "Lyon"}]}
    ada.goto(url)
    expect(ada.get_by_label("Name", exact=True)).to_have_value("")


def test_luis_saved_the_segment_first_and_ada_chooses(
    page: Page, live_server: LiveServer, look: Callable[[Page, str], None]
) -> None:
    """Not a quiet page: Chromium notes an answer 409 on its console."""
    ada = at_work(live_server, page)
    luis = User.objects.create_superuser("luis@example.com", PASSWORD, name="Luis")
    rule = {"f": "contact.country", "op": "is", "v": "ES"}
    segment = edit.create("Spain", rule, actor="user:1", now=clock.now())
    ada.goto(f"{live_server.url}/segments/{publicids.encode('seg', segment.pk)}/")
    edit.update(segment, name="Spain of Luis", actor=f"user:{luis.pk}", now=clock.now())
    ada.get_by_label("Name", exact=True).fill("Spain of Ada")
    ada.get_by_role("button", name="Save segment").click()
    expect(ada.get_by_text("Luis changed this")).to_be_visible()
    expect(ada.get_by_label("Name", exact=True)).to_have_value("Spain of Ada")
    look(ada, "segment-stale")
    fits(ada)
    ada.get_by_role("link", name="Load theirs").click()
    expect(ada.get_by_label("Name", exact=True)).to_have_value("Spain of Luis")
    ada.locator("#kept").get_by_role("button", name="Undo").click()
    expect(ada.get_by_label("Name", exact=True)).to_have_value("Spain of Ada")
    ada.get_by_role("button", name="Save segment").click()
    ada.get_by_role("button", name="Keep mine").click()
    expect(ada.get_by_role("heading", name="Spain of Ada")).to_be_visible()
    becomes(lambda: Segment.objects.get(pk=segment.pk).name, "Spain of Ada")


def clock_days(number: int) -> object:
    from datetime import timedelta

    return timedelta(days=number)


class Clicks:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def on(self, target: object) -> None:
        self.count += 1
        target.click()  # type: ignore[attr-defined]
