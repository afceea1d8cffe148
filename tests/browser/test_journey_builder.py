"""Ada builds journeys: by mouse, by keyboard alone, beside Luis, without a connection."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns import commands, drafts, lifecycle
from campaigns.models import Campaign
from crm.models import Membership, User
from tests.browser import keystrokes, patience
from tests.browser.patience import becomes, comes_true, settled
from tests.campaigns import drafting

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
Look = Callable[[Page, str], None]


def come_in(page: Page, server: LiveServer, name: str = "Ada") -> None:
    """Logged in without the form: that is another test's business."""
    user = User.objects.filter(email=f"{name}@example.com").first()
    if user is None:
        user = User.objects.create_user(f"{name}@example.com", "a-long-password", name=name)
        Membership.objects.create(user=user, role="marketer")
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])


def begin(document: dict[str, Any] | None = None) -> Campaign:
    return lifecycle.begin(deepcopy(document or drafting.START), "ada", NOW)


def url(server: LiveServer, campaign: Campaign, query: str = "") -> str:
    return f"{server.url}{reverse('campaigns:journey', args=[campaign.pk])}{query}"


def order(campaign: Campaign) -> list[str]:
    document = Campaign.objects.get(pk=campaign.pk).document
    return [step["type"] for _, step in commands.walk(document)]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("Saved")


def test_a_wait_and_an_sms_go_between_two_steps_by_keyboard_and_three_keys_take_it_back(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    campaign = begin()
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    look(quiet_page, "journey-canvas")
    quiet_page.locator("[data-id=mail]").focus()
    press(quiet_page, "a")
    expect(quiet_page.get_by_role("combobox", name="Search steps")).to_be_focused()
    look(quiet_page, "journey-picker")
    with keystrokes.watched() as hands:  # and the "a" above
        quiet_page.keyboard.type("wait 2 days")
        press(quiet_page, "Enter", "a")
        quiet_page.keyboard.type("sms")
        press(quiet_page, "Enter")
    assert hands.clicks == 0
    assert keystrokes.KEY + hands.seconds(decisions=2) < 10
    expect(quiet_page.locator("[data-kind='send.sms']")).to_be_focused()
    saved(quiet_page)
    becomes(lambda: order(campaign)[:3], ["send.email", "wait.duration", "send.sms"])
    assert Campaign.objects.get(pk=campaign.pk).document["steps"][1]["config"] == {"value": 2, "unit": "days"}
    # A third edit; then the page is loaded anew, and three keys take all of it back.
    press(quiet_page, "Delete")
    expect(quiet_page.get_by_text("Removed:")).to_be_visible()
    saved(quiet_page)
    quiet_page.goto(url(live_server, campaign))
    for _ in range(3):
        press(quiet_page, "Control+z")
    expect(quiet_page.locator("[data-kind='wait.duration']")).to_have_count(1)
    saved(quiet_page)
    becomes(lambda: Campaign.objects.get(pk=campaign.pk).document, campaign.document)


def test_the_same_by_mouse_in_four_clicks(live_server: LiveServer, quiet_page: Page) -> None:
    campaign = begin()
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    quiet_page.get_by_role("button", name="Add a step after “E-mail: “Hello””").click()
    quiet_page.keyboard.type("2 days")
    quiet_page.get_by_role("option", name="Wait 2 days").click()
    expect(quiet_page.locator("#board")).to_contain_text("Wait 2 days")
    quiet_page.get_by_role("button", name="Add a step after “Wait 2 days”").click()
    quiet_page.get_by_role("option", name="SMS").click()
    expect(quiet_page.locator("[data-kind='send.sms']")).to_be_visible()
    saved(quiet_page)
    becomes(lambda: order(campaign)[:3], ["send.email", "wait.duration", "send.sms"])


def test_boxes_never_lie_on_each_other(live_server: LiveServer, quiet_page: Page) -> None:
    campaign, rng = begin(), Random(5)
    document = campaign.document
    for _ in range(50):
        step = dict(rng.choice(drafting.KINDS))
        document = commands.carry_out(
            document, {"do": "insert", **drafting.place(document, rng), "step": step}, drafts.mint
        )
    Campaign.objects.filter(pk=campaign.pk).update(document=document)
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    expect(quiet_page.locator("[data-step]")).to_have_count(55)
    settled(quiet_page)
    boxes = quiet_page.evaluate(
        """[...document.querySelectorAll('.node, .plus, .lane-label')].map((each) => {
             const box = each.getBoundingClientRect();
             return [box.left, box.top, box.right, box.bottom];
           })"""
    )
    for index, (left, top, right, bottom) in enumerate(boxes):
        assert right > left
        for other in boxes[index + 1 :]:
            apart = (
                right <= other[0] + 0.5 or other[2] <= left + 0.5 or bottom <= other[1] + 0.5 or other[3] <= top + 0.5
            )
            assert apart, ((left, top, right, bottom), other)


def test_two_editors_do_not_overwrite_each_other(live_server: LiveServer, page: Page) -> None:
    # The browser itself speaks of the 409 on its console: no quiet page here.
    campaign = begin()
    come_in(page, live_server)
    page.goto(url(live_server, campaign))
    User.objects.create_user("luis@example.com", "a-long-password", name="Luis")
    luis = User.objects.get(email="luis@example.com")
    drafts.apply(
        campaign,
        {"do": "label", "step": "mail", "label": "Luis was here"},
        revision=None,
        actor=f"user:{luis.pk}",
        now=NOW,
    )
    page.locator("[data-id=w1]").focus()
    with page.expect_response(lambda answer: answer.status == 409):
        press(page, "Alt+ArrowDown")
    banner = page.get_by_role("alert").filter(has_text="Luis changed this")
    expect(banner).to_be_visible()
    assert order(campaign) == ["send.email", "split.random", "wait.duration", "exit"]
    banner.get_by_role("button", name="Add mine to theirs").click()
    expect(banner).to_be_hidden()
    expect(page.locator("#board")).to_contain_text("Luis was here")
    saved(page)
    becomes(lambda: Campaign.objects.get(pk=campaign.pk).document["steps"][2]["id"], "w1")
    document = Campaign.objects.get(pk=campaign.pk).document
    assert document["steps"][0]["label"] == "Luis was here"


def test_what_is_edited_without_a_connection_is_kept_and_saved_later(live_server: LiveServer, page: Page) -> None:
    campaign = begin()
    come_in(page, live_server)
    page.goto(url(live_server, campaign))
    page.locator("[data-id=mail]").focus()
    page.context.set_offline(True)
    press(page, "a")
    page.keyboard.type("wait 3 hours")
    press(page, "Enter", "a")
    page.keyboard.type("sms")
    press(page, "Enter")
    expect(page.locator("#saved")).to_have_text("Not saved: no connection")
    assert order(campaign)[1] == "split.random"
    page.context.set_offline(False)
    expect(page.locator("[data-kind='send.sms']")).to_be_visible()
    saved(page)
    becomes(lambda: order(campaign)[:3], ["send.email", "wait.duration", "send.sms"])


def test_a_welcome_journey_is_built_in_the_outline_by_keyboard_alone(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    campaign = begin({"name": "Welcome", "purpose": "loyalty", "objective": "welcome", "steps": []})
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign, "?view=outline"))
    look(quiet_page, "journey-empty")
    quiet_page.get_by_role("button", name="A card is given in a store").focus()
    press(quiet_page, "Enter")
    expect(quiet_page.get_by_role("treeitem", name="How people come in: Card Linked")).to_be_focused()
    for words in ("e-mail", "wait 3 days", "if", "sms"):
        press(quiet_page, "a")
        quiet_page.keyboard.type(words)
        press(quiet_page, "Enter")
        if words == "if":
            expect(quiet_page.locator("[data-kind='split.rule']")).to_be_focused()
            press(quiet_page, "ArrowDown")
            expect(quiet_page.get_by_role("treeitem", name="Lane Yes")).to_be_focused()
    expect(quiet_page.locator("[data-kind='send.sms']")).to_be_focused()
    saved(quiet_page)
    becomes(lambda: order(campaign), ["send.email", "wait.duration", "split.rule", "send.sms"])
    document = Campaign.objects.get(pk=campaign.pk).document
    assert document["steps"][2]["lanes"][0]["steps"][0]["type"] == "send.sms"
    look(quiet_page, "journey-outline")
    # Out of the lane, and back.
    press(quiet_page, "Alt+ArrowDown")
    saved(quiet_page)
    expect(quiet_page.locator("[role=tree] > [data-kind='send.sms']")).to_be_focused()
    press(quiet_page, "Control+z")
    expect(quiet_page.locator("[data-lane] [data-kind='send.sms']")).to_have_count(1)
    patience.fits(quiet_page)


def test_narrow_screens_get_the_outline_whatever_the_address_says(live_server: LiveServer, quiet_page: Page) -> None:
    campaign = begin()
    come_in(quiet_page, live_server)
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    quiet_page.goto(url(live_server, campaign))
    expect(quiet_page.get_by_role("tree")).to_be_visible()
    patience.fits(quiet_page, 390)


def test_who_removes_a_split_is_asked_which_lane_stays(live_server: LiveServer, quiet_page: Page) -> None:
    campaign = begin()
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    quiet_page.locator("[data-id=fork]").focus()
    press(quiet_page, "Delete")
    quiet_page.get_by_role("button", name="Keep the lane “A 50 %” (1 steps)").click()
    expect(quiet_page.locator("[data-id=fork]")).to_have_count(0)
    saved(quiet_page)
    becomes(lambda: order(campaign), ["send.email", "wait.duration", "exit"])
    quiet_page.get_by_role("button", name="Undo").last.click()
    expect(quiet_page.locator("[data-id=fork]")).to_have_count(1)


def test_steps_are_copied_within_and_across_campaigns(live_server: LiveServer, quiet_page: Page) -> None:
    campaign, other = begin(), begin({**drafting.START, "name": "Other", "steps": []})
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    quiet_page.locator("[data-id=fork]").focus()
    with quiet_page.expect_response("**/copy/**"):
        press(quiet_page, "Control+c")
    quiet_page.goto(url(live_server, other))
    quiet_page.locator("[data-id='']").focus()
    press(quiet_page, "Control+v")
    expect(quiet_page.locator("[data-kind='split.random']")).to_have_count(1)
    saved(quiet_page)
    becomes(lambda: order(other), ["split.random", "wait.duration"])
    press(quiet_page, "Control+d")
    expect(quiet_page.locator("[data-kind='split.random']")).to_have_count(2)


def test_notes_folds_search_and_keys(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    campaign = begin()
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign))
    quiet_page.locator("[data-id=mail]").focus()
    press(quiet_page, "n")
    quiet_page.keyboard.type("Keep this short")
    quiet_page.get_by_role("button", name="Save").click()
    expect(quiet_page.locator(".note")).to_have_text("Keep this short")
    expect(quiet_page.locator("[data-id=mail]")).to_be_focused()
    press(quiet_page, "ArrowDown")
    expect(quiet_page.locator("[data-id=fork]")).to_be_focused()
    press(quiet_page, "f")
    expect(quiet_page.get_by_role("button", name="1 step", exact=True)).to_be_visible()
    press(quiet_page, "f")
    expect(quiet_page.locator("[data-id=w1]")).to_be_visible()
    press(quiet_page, "/")
    quiet_page.keyboard.type("wait")
    press(quiet_page, "Enter")
    expect(quiet_page.locator("[data-id=w1]")).to_be_focused()
    press(quiet_page, "?")
    expect(quiet_page.get_by_role("dialog", name="Keys")).to_be_visible()
    look(quiet_page, "journey-keys")
    press(quiet_page, "Escape", "m")
    expect(quiet_page.get_by_role("dialog", name="Move to…")).to_be_visible()
    quiet_page.get_by_label("Place").select_option(label="At the top")
    quiet_page.get_by_role("button", name="Move", exact=True).click()
    saved(quiet_page)
    expect(quiet_page.locator(".seq").first.locator("> .item").first.locator("[data-step]")).to_have_attribute(
        "data-id", "w1"
    )
    press(quiet_page, "-", "-")
    expect(quiet_page.locator("#zoom")).to_have_text("80 %")
    press(quiet_page, "0")
    press(quiet_page, "o")
    expect(quiet_page.get_by_role("tree")).to_be_visible()


def test_a_live_campaign_shows_its_version_its_changes_and_its_numbers(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    good = {**drafting.START, "steps": [*deepcopy(drafting.START["steps"])]}
    good["steps"][1]["lanes"][0]["steps"][0]["config"] = {"value": 2, "unit": "days"}
    campaign = begin(good)
    lifecycle.publish(campaign, "ada", NOW)
    come_in(quiet_page, live_server)
    quiet_page.goto(url(live_server, campaign, "?period=all"))
    expect(quiet_page.locator("#bar-name")).to_contain_text("Live v1")
    expect(quiet_page.locator("#draft-chip")).to_have_count(0)
    expect(quiet_page.locator("[data-counts=mail] [data-what=sent]")).to_contain_text("0")
    quiet_page.locator("[data-id=w1]").focus()
    press(quiet_page, "Alt+ArrowUp")
    expect(quiet_page.locator("#draft-chip")).to_contain_text("Draft · 1 change")
    expect(quiet_page.locator("[data-counts=mail] [data-what=sent]")).to_contain_text("0")
    look(quiet_page, "journey-live")
    quiet_page.get_by_label("Counts").select_option("none")
    expect(quiet_page).to_have_url(url(live_server, campaign, "?period=none&version="))


def test_back_closes_the_panel_and_focus_returns_to_the_step(live_server: LiveServer, page: Page) -> None:
    campaign = begin()
    come_in(page, live_server)
    page.goto(url(live_server, campaign))
    page.wait_for_load_state("networkidle")
    page.locator("[data-id=w1]").focus()
    press(page, "Enter")
    expect(page).to_have_url(url(live_server, campaign, "?step=w1"))
    expect(page.locator("#panel-title")).to_be_visible()
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.go_back()
    expect(page.locator("#panel")).to_be_hidden()
    comes_true(lambda: page.evaluate("document.activeElement.dataset.id === 'w1'"))
    press(page, "Enter", "Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page).to_have_url(url(live_server, campaign))
    # What is there already is not fetched anew: that would take the place of the keyboard away.
    assert url(live_server, campaign) not in asked
    # A link with the step in it opens the same; over the canvas the step is brought into sight.
    page.set_viewport_size({"width": 1040, "height": 800})
    page.goto(url(live_server, campaign, "?step=w1"))
    expect(page.locator("#panel")).to_be_visible()
    beside = """document.getElementById("node-w1").getBoundingClientRect().right
        <= document.getElementById("panel").getBoundingClientRect().left"""
    comes_true(lambda: page.evaluate(beside))
