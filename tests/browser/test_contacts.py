"""Ada looks for Marta, sees why she did not get the SMS, and keeps her contacts in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import clock, lists, orders, publicids, tags, timeline
from crm.models import Contact, Identifier, User
from crm.normalise import Trace
from crm.timeline import NewFact
from tests.browser import keystrokes
from tests.browser.patience import fits
from tests.crm.people import come, email, phone, say

PASSWORD = "cauce-demo-2026"
Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def enter(page: Page, live_server: LiveServer, path: str) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    page.goto(f"{live_server.url}/login/?next={path}")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def marta() -> int:
    """Marta with all that can be said of somebody."""
    now = clock.now()
    one = come(
        now - timedelta(days=400),
        email("marta.gil@mail.example"),
        phone("+34600112233"),
        Trace("card", "291000484821"),
        Trace("external_id", "c_88213"),
        given_name="Marta",
        family_name="Gil Soler",
        language="es",
        city="Valencia",
        country="ES",
        fields={"shoe_size": 39, "interests": ["trail", "a very long interest that goes on"]},
    )
    Identifier.objects.filter(value="marta.gil@mail.example").update(verified_at=now)
    say(now - timedelta(days=300), one, "granted", channel="email", source="Store Valencia, tablet 2")
    say(now - timedelta(days=50), one, "withdrawn", channel="sms", source="preference page", method="pref_centre")
    tags.put([one], "vip", actor="t", now=now)
    lists.create("Trail fair", [one], actor="t", now=now)
    bought = [
        orders.NewOrder(one, f"o{n}", now - timedelta(days=23 * n), Decimal("42.50"), "EUR",
                        [{"sku": "s", "name": "Trail shoes", "quantity": Decimal(1), "price": Decimal("42.50")}])
        for n in (1, 2, 3)
    ]  # fmt: skip
    orders.put(bought, now=now)
    timeline.record(
        [
            NewFact(one, "Message Skipped", {"reason": "consent_withdrawn", "channel": "sms"}, channel="sms"),
            NewFact(one, "Message Opened", {"channel": "email"}, now - timedelta(hours=1), channel="mail"),
            *(
                NewFact(one, "Product Viewed", {"name": f"Shoe {n}"}, now - timedelta(hours=n), channel="web")
                for n in range(60)
            ),
        ],
        now=now,
    )  # fmt: skip
    return one


def test_ada_finds_out_why_marta_did_not_get_the_sms(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    marta()
    enter(quiet_page, live_server, "/status/")
    expect(quiet_page.get_by_role("heading", name="Status", level=1)).to_be_visible()
    with keystrokes.watched() as hands:
        quiet_page.keyboard.press("/")
        quiet_page.keyboard.type("marta")
        expect(quiet_page.get_by_role("option", name="Marta Gil Soler")).to_be_visible()
        quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", name="Marta Gil Soler", level=1)).to_be_visible()
    look(quiet_page, "contact")
    fits(quiet_page)
    with keystrokes.watched() as more:
        quiet_page.get_by_role("link", name="Only blocked").click()
    expect(quiet_page.get_by_text("SMS not sent: They said no")).to_be_visible()
    assert hands.clicks + more.clicks == 1
    assert hands.seconds(decisions=2) + more.seconds(decisions=1) < 20
    expect(quiet_page.get_by_text("Opened: E-mail")).to_be_hidden()
    expect(quiet_page).to_have_url(
        f"{live_server.url}/contacts/{publicids.encode('ctc', Contact.objects.get().pk)}/?kind=blocked"
    )
    quiet_page.get_by_role("region", name="What happened").get_by_text("Why?").click()
    look(quiet_page, "contact-blocked")
    quiet_page.get_by_role("link", name="Where this can be changed").click()
    expect(quiet_page.get_by_role("heading", name="History and proof", level=1)).to_be_visible()
    look(quiet_page, "consent-proof")
    fits(quiet_page)


def test_ada_reads_on_in_the_timeline_and_the_other_parts(
    live_server: LiveServer, quiet_page: Page, look: Look
) -> None:
    one = publicids.encode("ctc", marta())
    enter(quiet_page, live_server, f"/contacts/{one}/")
    quiet_page.get_by_role("link", name="Load older").click()
    expect(quiet_page.get_by_text("Shoe 59", exact=False)).to_be_visible()
    quiet_page.get_by_role("link", name="Purchases", exact=False).first.click()
    expect(quiet_page.get_by_text("€42.50").first).to_be_visible()
    look(quiet_page, "contact-purchases")
    quiet_page.get_by_role("link", name="Messages", exact=True).click()
    expect(quiet_page.get_by_text("No messages yet.")).to_be_visible()
    expect(quiet_page.get_by_text("In no campaign, and nothing is planned.")).to_be_visible()
    expect(quiet_page.get_by_text("0 of 3 allowed")).to_be_visible()


def test_ada_keeps_her_list_in_order(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    enter(quiet_page, live_server, "/contacts/")
    expect(quiet_page.get_by_text("Nobody here yet", exact=False)).to_be_visible()
    look(quiet_page, "contacts-empty")
    marta()
    come(clock.now(), email("pablo@mail.example"), given_name="Pablo", family_name="Ruiz")
    quiet_page.reload()
    quiet_page.get_by_label("Choose Marta Gil Soler").check()
    expect(quiet_page.get_by_text("1 chosen")).to_be_visible()
    look(quiet_page, "contacts")
    fits(quiet_page)
    quiet_page.get_by_label("Choose all on this page").check()
    quiet_page.get_by_label("Tag", exact=True).last.fill("Press")
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_text("2 people have the tag “Press” now.")).to_be_visible()
    expect(quiet_page.locator("td .chip", has_text="Press")).to_have_count(2)
    quiet_page.get_by_role("button", name="Undo").click()
    expect(quiet_page.locator("td .chip", has_text="Press")).to_have_count(0)
    quiet_page.get_by_label("Choose Pablo Ruiz").check()
    quiet_page.get_by_role("button", name="Archive").click()
    expect(quiet_page.get_by_role("link", name="Pablo Ruiz")).to_be_hidden()
    quiet_page.get_by_role("button", name="Undo").click()
    expect(quiet_page.get_by_role("link", name="Pablo Ruiz")).to_be_visible()
    quiet_page.get_by_label("Name, address, phone or card").fill("600 112 233")
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("link", name="Marta Gil Soler")).to_be_visible()
    expect(quiet_page.get_by_role("link", name="Pablo Ruiz")).to_be_hidden()
    quiet_page.get_by_role("button", name="Columns").click()
    quiet_page.get_by_role("dialog").get_by_label("City").check()
    look(quiet_page, "contacts-columns")
    quiet_page.get_by_role("button", name="Show these").click()
    expect(quiet_page.get_by_role("columnheader", name="City")).to_be_visible()


def test_ada_writes_somebody_in_by_hand(live_server: LiveServer, page: Page, look: Look) -> None:
    """Not a quiet page: Chromium notes an answer 422 on its console."""
    marta()
    enter(page, live_server, "/contacts/new/")
    page.get_by_label("First name").fill("Pablo")
    value = page.get_by_label("Address, number or card")
    value.nth(0).fill("not an address")
    page.get_by_label("Offers: E-mail").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Nothing was saved yet", exact=False)).to_be_visible()
    expect(page.get_by_text("is not an e-mail address", exact=False)).to_be_visible()
    look(page, "contact-new-errors")
    fits(page)
    value.nth(0).fill("marta.gil@mail.example")
    page.get_by_label("How they said it").select_option("paper_form")
    page.get_by_label("Where", exact=True).fill("Fair 2026")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("They are a contact already", exact=False)).to_be_visible()
    expect(page.get_by_role("link", name="Marta Gil Soler")).to_be_visible()
    value.nth(0).fill("pablo@mail.example")
    page.get_by_role("button", name="Add a field").click()
    page.keyboard.type("shoe_size")
    page.keyboard.press("Tab")
    page.keyboard.type("43")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Pablo", level=1)).to_be_visible()
    expect(page.get_by_text("shoe_size")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Last name").fill("Ruiz")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Pablo Ruiz", level=1)).to_be_visible()


def test_ada_tags_and_archives_marta_by_keyboard(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    one = publicids.encode("ctc", marta())
    enter(quiet_page, live_server, f"/contacts/{one}/")
    quiet_page.get_by_role("button", name="Add to…").press("Enter")
    expect(quiet_page.get_by_role("dialog", name="Add to…")).to_be_visible()
    look(quiet_page, "contact-add-to")
    quiet_page.get_by_label("Tag", exact=True).fill("press")
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("button", name="Take off press")).to_be_visible()
    quiet_page.get_by_role("button", name="Add to…").press("Enter")
    quiet_page.get_by_label("List, or the name of a new one").fill("Trail fair")
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_text("Nothing to change.")).to_be_visible()
    quiet_page.get_by_role("button", name="Take off press").press("Enter")
    expect(quiet_page.get_by_role("button", name="Take off press")).to_be_hidden()
    quiet_page.get_by_role("button", name="Undo").last.press("Enter")
    expect(quiet_page.get_by_role("button", name="Take off press")).to_be_visible()
    quiet_page.get_by_role("button", name="Archive").press("Enter")
    expect(quiet_page.get_by_role("button", name="Bring back")).to_be_visible()
    quiet_page.get_by_role("button", name="Undo").last.press("Enter")
    expect(quiet_page.get_by_role("button", name="Archive")).to_be_visible()
