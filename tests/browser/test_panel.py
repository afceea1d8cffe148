"""Ada sets up steps in their panel, and walks a draft through with a contact."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns import commands, drafts, lifecycle
from campaigns.models import Campaign
from crm import clock, publicids
from crm.models import Contact, Membership, User
from tests.browser.patience import becomes, fits
from tests.campaigns import cast, office
from tests.campaigns.test_panel_pages import STEPS
from tests.campaigns.test_reachable import SMS_FOR_OTHERS, sixty_one
from tests.campaigns.test_rehearsal import example

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


def come_in(page: Page, server: LiveServer) -> None:
    """Logged in without the form: that is another test's business."""
    user = User.objects.create_user("ada@example.com", "a-long-password", name="Ada")
    Membership.objects.create(user=user, role="marketer")
    client = Client()
    client.force_login(user)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    page.set_viewport_size({"width": 1440, "height": 900})


def begin(page: Page, server: LiveServer, *steps: dict[str, Any]) -> Campaign:
    clock.refresh()
    office.house()
    come_in(page, server)
    return office.draft(*deepcopy(list(steps or STEPS)))


def open_step(page: Page, server: LiveServer, campaign: Campaign, step: str, tab: str = "") -> None:
    page.goto(f"{server.url}{reverse('campaigns:journey', args=[campaign.pk])}?step={step}&tab={tab}")
    expect(page.locator(f"[data-panel-of='{step}']")).to_be_visible()


def kept(campaign: Campaign, step: str) -> dict[str, Any]:
    found = commands.find(Campaign.objects.get(pk=campaign.pk).document, step)
    assert found is not None
    return found


def saved(page: Page) -> None:
    expect(page.locator("#panel-state")).to_have_text("Saved")


def test_every_kind_of_step_and_every_tab_can_be_used_by_everybody(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    campaign = begin(quiet_page, live_server)
    for step in STEPS:
        open_step(quiet_page, live_server, campaign, step["id"])
        expect(quiet_page.locator("#panel-form")).to_be_visible()
        quiet_page.evaluate("document.querySelectorAll('#panel-form details').forEach((each) => { each.open = true })")
        look(quiet_page, f"panel-{step['type']}")
    for tab in ("timing", "who", "results"):
        open_step(quiet_page, live_server, campaign, "mail", tab)
        look(quiet_page, f"panel-{tab}")


def test_what_is_typed_saves_itself_and_the_cursor_stays(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    campaign = begin(quiet_page, live_server)
    open_step(quiet_page, live_server, campaign, "mail")
    subject = quiet_page.get_by_label("Subject", exact=True)
    subject.fill("Still yours")
    saved(quiet_page)
    becomes(lambda: kept(campaign, "mail")["config"]["subject"], "Still yours")
    expect(subject).to_be_focused()
    expect(quiet_page.locator("#panel-title")).to_have_text("E-mail: “Still yours”")
    expect(quiet_page.locator("#node-mail")).to_contain_text("Still yours")
    # Back in the canvas the edit is taken back, and the panel follows.
    quiet_page.get_by_role("button", name="Undo", exact=True).click()
    expect(subject).to_have_value(cast.MAIL["subject"])


def test_a_mistake_stands_at_its_field_until_it_is_mended(live_server: LiveServer, page: Page, look: Look) -> None:
    campaign = begin(page, live_server)
    open_step(page, live_server, campaign, "pause")
    number = page.get_by_label("How long: how many")
    number.fill("0")
    expect(page.locator("#panel-state")).to_contain_text("Not saved")
    expect(number).to_have_attribute("aria-invalid", "true")
    look(page, "panel-mistake")
    assert kept(campaign, "pause")["config"]["value"] == 2
    number.fill("4")
    saved(page)
    expect(number).not_to_have_attribute("aria-invalid", "true")
    becomes(lambda: kept(campaign, "pause")["config"]["value"], 4)


def test_lanes_are_set_up_by_keyboard(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    campaign = begin(quiet_page, live_server)
    open_step(quiet_page, live_server, campaign, "dice")
    quiet_page.get_by_role("button", name="Add a lane").focus()
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.locator(".pn-row")).to_have_count(3)
    saved(quiet_page)
    name = quiet_page.locator("#pf-lanes-2-label")
    name.fill("Third")
    name.press("Enter")
    saved(quiet_page)
    becomes(lambda: [lane["label"] for lane in kept(campaign, "dice")["lanes"]], ["A", "B", "Third"])
    quiet_page.get_by_role("button", name="Move up: Third").focus()
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.locator("#pf-lanes-1-label")).to_have_value("Third")
    saved(quiet_page)
    # The rule of a lane: choosing what it asks brings the fields for it.
    open_step(quiet_page, live_server, campaign, "fork")
    quiet_page.locator("#pf-lanes-0-if-1-kind").select_option("did")
    expect(quiet_page.locator("#pf-lanes-0-if-1-event")).to_be_visible()
    quiet_page.locator("#pf-lanes-0-if-1-event").fill("Order Completed")
    quiet_page.locator("#pf-lanes-0-if-1-days").fill("30")
    quiet_page.locator("#pf-lanes-0-if-1-days").blur()
    expect(quiet_page.locator(".pn-rule").first).to_contain_text("30 days")
    look(quiet_page, "panel-rule")


def test_ada_writes_a_nested_rule_for_a_lane_by_keys_alone(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    page = quiet_page
    campaign = begin(page, live_server)
    open_step(page, live_server, campaign, "fork")
    before = kept(campaign, "fork")["lanes"]
    # What was typed beside it a moment ago is kept before the editor opens.
    page.locator("#pf-lanes-0-label").fill("Shoes")
    link = page.get_by_role("link", name="Edit rule: vip")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Rule of the lane “Shoes”")
    expect(dialog.get_by_role("heading", name="Rule of the lane “Shoes”")).to_be_focused()
    press(page, dialog.locator("#at-main > .adds summary"))
    press(page, dialog.get_by_role("button", name="Bought", exact=True))
    bought = dialog.locator("#at-main-1")
    expect(bought.get_by_label("Value")).to_be_focused()
    page.keyboard.type("shoes")
    bought.get_by_label("Number of times").fill("2")
    bought.get_by_label("How long").fill("24")
    bought.get_by_label("Unit").select_option("months")
    press(page, dialog.locator("#at-main > .adds").get_by_role("button", name="Group", exact=True))
    expect(dialog.locator("#at-main-2")).to_be_focused()
    press(page, dialog.locator("#at-main-2 > .adds").get_by_role("button", name="Group", exact=True))
    press(page, dialog.locator("#at-main-2-0 > .adds summary"))
    press(page, dialog.locator("#at-main-2-0").get_by_role("button", name="Opened, clicked or got a message"))
    expect(dialog.locator("#at-main-2-0-0")).to_be_visible()
    dialog.locator("#at-main-2-0-word").select_option("none")
    expect(dialog.locator("#words")).to_contain_text("none of: a message: opened")
    expect(dialog.locator("#count [data-total]")).to_be_visible()
    look(page, "lane-rule")
    # Escape does not throw away what is not saved.
    page.keyboard.press("Escape")
    expect(dialog.locator("#rule-unsaved")).to_contain_text("Not saved yet")
    dialog.locator("#at-main-2-0-0").focus()
    page.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)
    said = page.locator("[data-told='rule-lanes-0-label']")
    expect(said).to_contain_text("at least 2 times in the last 2 years")
    expect(said).to_contain_text("none of: a message: opened")
    expect(page.get_by_role("link", name="Edit rule: Shoes")).to_be_focused()
    rule = kept(campaign, "fork")["lanes"][0]["when"]
    assert rule["all"][0] == before[0]["when"]["all"][0]
    assert rule["all"][2]["any"][0]["none"][0]["did"] == "opened"
    look(page, "panel-lane-rule")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("#pf-lanes-0-if-0-f")).to_have_value("fields.spent")
    becomes(lambda: kept(campaign, "fork")["lanes"][0]["when"], before[0]["when"])


def press(page: Page, target: Locator) -> None:
    target.focus()
    page.keyboard.press("Enter")


def test_a_mistake_in_the_rule_of_a_lane_and_luis_who_was_faster(
    live_server: LiveServer, page: Page, look: Look
) -> None:
    campaign = begin(page, live_server)
    open_step(page, live_server, campaign, "fork")
    page.get_by_role("link", name="Edit rule: deep").click()
    dialog = page.get_by_role("dialog")
    city = dialog.locator("#at-main-0-0").get_by_label("Value")
    expect(city).to_have_value("Lyon")
    city.fill("")
    dialog.get_by_role("button", name="Save rule").click()
    expect(dialog.locator("#mistakes")).to_be_focused()
    expect(dialog.locator("#p-at-main-0-0")).to_contain_text("Fill in what is empty.")
    look(page, "lane-rule-mistake")
    lanes = [{key: each[key] for key in each if key != "steps"} for each in kept(campaign, "fork")["lanes"]]
    lanes[1]["when"] = {"all": [{"tag": "theirs"}]}
    drafts.apply(campaign, {"do": "lanes", "step": "fork", "lanes": lanes}, revision=None, actor="x", now=clock.now())
    dialog.locator("#at-main-0-0").get_by_label("Value").fill("Nice")
    dialog.get_by_role("button", name="Save rule").click()
    expect(dialog.locator(".stale-rule")).to_contain_text("has the tag theirs")
    look(page, "lane-rule-stale")
    dialog.get_by_role("button", name="Save rule").click()
    expect(dialog).to_have_count(0)
    becomes(lambda: kept(campaign, "fork")["lanes"][1]["when"]["any"][0]["all"][0]["v"], "Nice")


def test_on_a_phone_the_rule_of_a_lane_has_a_page_of_its_own(live_server: LiveServer, page: Page, look: Look) -> None:
    campaign = begin(page, live_server)
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        open_step(page, live_server, campaign, "fork")
        page.get_by_role("link", name="Edit rule: deep").click()
        expect(page.get_by_role("heading", name="Rule of the lane “deep”", level=1)).to_be_visible()
        fits(page, width)
    page.set_viewport_size({"width": 390, "height": 800})
    look(page, "lane-rule-phone")
    page.locator("#at-main-0-0").get_by_label("Value").fill("Nice")
    page.get_by_role("button", name="Save rule").click()
    expect(page.locator("[data-panel-of='fork']")).to_be_visible()
    becomes(lambda: kept(campaign, "fork")["lanes"][1]["when"]["any"][0]["all"][0]["v"], "Nice")


def test_tabs_and_close_are_addresses(live_server: LiveServer, quiet_page: Page) -> None:
    campaign = begin(quiet_page, live_server)
    open_step(quiet_page, live_server, campaign, "pause")
    quiet_page.get_by_label("How long: how many").fill("7")
    quiet_page.get_by_role("link", name="Timing").click()
    expect(quiet_page.get_by_text("Somebody who arrives now goes on")).to_be_visible()
    expect(quiet_page).to_have_url(re.compile("tab=timing"))
    expect(quiet_page.get_by_text("Everybody waits 7 days")).to_be_visible()
    quiet_page.keyboard.press("Escape")
    expect(quiet_page.locator("#panel")).to_be_hidden()
    becomes(lambda: kept(campaign, "pause")["config"]["value"], 7)  # closing never asks, and loses nothing


def test_a_step_is_removed_from_its_panel_with_a_way_back(live_server: LiveServer, quiet_page: Page) -> None:
    campaign = begin(quiet_page, live_server)
    open_step(quiet_page, live_server, campaign, "stage")
    quiet_page.get_by_role("button", name="Remove this step").click()
    expect(quiet_page.get_by_text("Removed:")).to_be_visible()
    expect(quiet_page.locator("#panel")).to_be_hidden()
    quiet_page.locator("#toasts [data-undo-edit]").click()
    expect(quiet_page.locator("[data-id=stage]")).to_be_visible()


def test_without_a_connection_nothing_is_lost(live_server: LiveServer, page: Page) -> None:
    campaign = begin(page, live_server)
    open_step(page, live_server, campaign, "pause")
    page.context.set_offline(True)
    page.get_by_label("How long: how many").fill("5")
    expect(page.locator("#panel-state")).to_contain_text("no connection")
    page.context.set_offline(False)
    saved(page)
    becomes(lambda: kept(campaign, "pause")["config"]["value"], 5)


def test_luis_was_faster(live_server: LiveServer, page: Page) -> None:
    campaign = begin(page, live_server)
    open_step(page, live_server, campaign, "pause")
    luis = office.at_work("marketer", "Luis")
    from tests.campaigns import test_panel_pages

    test_panel_pages.save(luis, campaign, "pause", span="6")
    page.get_by_label("How long: how many").fill("5")
    expect(page.locator("#panel-stale")).to_contain_text("Luis changed this")
    assert kept(campaign, "pause")["config"]["value"] == 6
    page.get_by_role("link", name="See their changes").click()
    expect(page.get_by_label("How long: how many")).to_have_value("6")


def test_the_bar_shows_who_can_receive_a_step(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    clock.refresh()
    campaign, _people = sixty_one(lanes=SMS_FOR_OTHERS)
    come_in(quiet_page, live_server)
    open_step(quiet_page, live_server, campaign, "e1")
    rows = quiet_page.locator("#can-receive .pn-rows li")
    expect(rows).to_have_count(3)
    expect(quiet_page.get_by_text("of 61 next in line")).to_be_visible()
    look(quiet_page, "panel-bar")
    rows.nth(2).get_by_role("link").click()
    expect(quiet_page.get_by_role("heading", level=2)).to_contain_text("6 people")


def test_a_draft_is_walked_with_a_contact(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    clock.refresh()
    cast.at_noon()
    office.house()
    person = cast.person("Marta")
    Contact.objects.filter(pk=person.pk).update(sort_name="marta")
    come_in(quiet_page, live_server)
    campaign = lifecycle.begin(example(), cast.ADA, clock.now())
    here = f"{live_server.url}{reverse('campaigns:rehearse', args=[campaign.pk])}"
    quiet_page.goto(here)
    look(quiet_page, "rehearsal-form")
    quiet_page.locator(".person-choice summary").click()
    quiet_page.get_by_label("Name, address, number or card").fill("Marta")
    quiet_page.locator("#stand-ins .hit").first.click()
    quiet_page.wait_for_url(f"**contact={publicids.encode('ctc', person.pk)}*")
    quiet_page.get_by_role("button", name="Start the walk").click()
    expect(quiet_page.get_by_role("heading", name="End of the walk")).to_be_visible()
    letter = quiet_page.frame_locator(".rh-mail iframe")
    expect(letter.get_by_text("Dear Marta")).to_be_visible()
    look(quiet_page, "rehearsal-walk")
    fits(quiet_page)
