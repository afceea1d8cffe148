"""Ada begins her day on Home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from analytics import kpis, rollup, running
from analytics.models import Kpi
from channels.models import Account
from crm import clock, errands, orders, workspace
from crm.models import Contact, Membership, Note, Store, User
from crm.orders import NewOrder
from tests.browser.patience import becomes, fits
from tests.campaigns import cast

PASSWORD = "cauce-demo-2026"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture
def ada(live_server: LiveServer, quiet_page: Page) -> User:
    workspace.forget()
    cast.forget()
    cast.at_noon()
    ada = User.objects.create_user("ada@example.com", PASSWORD, name="Ada")
    Membership.objects.create(user=ada, role="admin")
    if not Kpi.objects.exists():
        for name in rollup.metrics.SHIPPED:
            kpis.make({"metric": name, "period": "month"}, "user:1")
    quiet_page.goto(f"{live_server.url}/login/?next=/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    expect(quiet_page.get_by_role("heading", level=1)).to_contain_text("June")
    return ada


def buy(contact: Contact, order_id: str, amount: str, days: int = 0) -> None:
    order = NewOrder(contact.pk, order_id, clock.now() - timedelta(days=days), Decimal(amount), "EUR")
    orders.record([order], now=clock.now())


def a_busy_shop(ada: User) -> None:
    """People who buy, campaigns that run, and things that want Ada."""
    Store.objects.create(code="centro", name="Tienda Centro")
    spring = cast.publish(
        cast.mail(), cast.wait(), name="Abandoned cart recovery", holdout_pct=50,
        goal={**cast.BOUGHT_IS_THE_END["goal"], "target": 40}, exit=cast.BOUGHT_IS_THE_END["exit"],
    )  # fmt: skip
    cast.publish(cast.wait(), name="Welcome to the card", **cast.BOUGHT_IS_THE_END)
    people = [cast.person(name, sms=bool(n % 2)) for n, name in enumerate(["Elena", "Dario", "Chiara", "Lucía"] * 5)]
    for n, person in enumerate(people):
        if n % 2:
            cast.enter(spring, person)
        cast.happen(person, "Card Linked", card=f"C{n}", occurred_at=clock.now() - timedelta(days=n))
    cast.work()
    for n, person in enumerate(people[:12]):
        buy(person, f"o-{n}", f"{30 + n}.00", days=n * 2)
        buy(person, f"a-{n}", "25.00", days=n)
    cast.allow(people[:2], "email", "withdrawn")
    cast.work()
    for metric, target in (("sales", 900), ("reachable", 18), ("cards", 400), ("repeat_rate", "0.3")):
        Kpi.objects.filter(metric=metric).update(target=target)
    Account.objects.create(
        channel="sms", carrier="sandbox", name="Twilight", resting_until=clock.real() + timedelta(hours=1)
    )
    errands.add("Call the printer", clock.now() - timedelta(hours=2), assignee=ada, made_by=ada, actor="user:1")
    errands.add("Ask for photos", clock.now() + timedelta(days=3), assignee=ada, made_by=ada, actor="user:1",
                contact_id=people[0].pk)  # fmt: skip
    rollup.bring_up(clock.now())
    running.refresh(clock.now())


def test_home_of_an_empty_shop(quiet_page: Page, ada: User, look: Look) -> None:
    expect(quiet_page.get_by_text("Nothing needs you.")).to_be_visible()
    look(quiet_page, "home-empty")
    fits(quiet_page)


def test_ada_sees_how_it_goes_and_acts_on_it(quiet_page: Page, ada: User, live_server: LiveServer, look: Look) -> None:
    a_busy_shop(ada)
    quiet_page.goto(f"{live_server.url}/")
    expect(quiet_page.get_by_role("heading", name="Needs you")).to_be_visible()
    look(quiet_page, "home")
    fits(quiet_page)
    tile = quiet_page.locator("article", has_text="Sales")
    tile.get_by_label("Change the target of Sales").click()
    expect(tile.get_by_label("Target (EUR)")).to_be_focused()
    quiet_page.evaluate("document.activeElement.blur()")
    look(quiet_page, "home-target")
    tile.get_by_label("Target (EUR)").fill("100")
    quiet_page.keyboard.press("Enter")
    expect(tile).to_contain_text("reached this month")
    quiet_page.get_by_role("button", name="Done: Call the printer").click()
    expect(quiet_page.get_by_text("Call the printer")).to_have_count(1)  # in the toast alone
    quiet_page.get_by_role("button", name="Undo").click()
    expect(quiet_page.get_by_role("button", name="Done: Call the printer")).to_be_visible()
    quiet_page.get_by_label("Period").select_option("7")
    expect(quiet_page).to_have_url(f"{live_server.url}/?days=7&store=")
    expect(quiet_page.get_by_text("compared with the 7 days before")).to_be_visible()


def test_a_number_is_a_link_to_what_is_behind_it(
    quiet_page: Page, ada: User, live_server: LiveServer, look: Look
) -> None:
    a_busy_shop(ada)
    quiet_page.goto(f"{live_server.url}/")
    quiet_page.locator("article", has_text="Sales").get_by_role("link").first.click()
    expect(quiet_page.get_by_role("heading", name="Sales", level=1)).to_be_visible()
    expect(quiet_page.locator("tbody tr")).to_have_count(24)
    look(quiet_page, "metric")
    fits(quiet_page)


def test_ada_adds_a_kpi_and_puts_it_away(quiet_page: Page, ada: User, live_server: LiveServer, look: Look) -> None:
    quiet_page.goto(f"{live_server.url}/settings/kpis/")
    look(quiet_page, "kpis")
    fits(quiet_page)
    quiet_page.get_by_role("link", name="Add a KPI").click()
    quiet_page.get_by_label("Name").fill("Cards of the week")
    quiet_page.get_by_role("combobox", name="Figure").select_option("cards")
    quiet_page.get_by_label("Target").fill("30")
    look(quiet_page, "kpi")
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Save").click()
    quiet_page.get_by_role("button", name="Put Cards of the week away").click()
    quiet_page.get_by_role("button", name="Undo").click()
    expect(quiet_page.get_by_role("button", name="Put Cards of the week away")).to_be_visible()


def test_notes_and_tasks_about_somebody(quiet_page: Page, ada: User, live_server: LiveServer, look: Look) -> None:
    from crm import publicids

    elena = cast.person("Elena")
    quiet_page.goto(f"{live_server.url}/contacts/{publicids.encode('ctc', elena.pk)}/notes/")
    quiet_page.get_by_role("textbox", name="Note").fill("Likes red shoes")
    quiet_page.get_by_role("button", name="Add the note").click()
    expect(quiet_page.get_by_text("Likes red shoes").first).to_be_visible()
    quiet_page.locator("summary", has_text="Add a task").click()
    quiet_page.get_by_label("Task", exact=False).first.fill("Send her a card")
    quiet_page.get_by_role("button", name="Add", exact=True).click()
    expect(quiet_page.get_by_role("button", name="Done: Send her a card")).to_be_visible()
    quiet_page.evaluate("document.activeElement.blur()")
    look(quiet_page, "contact-notes")
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Remove").click()
    expect(quiet_page.locator("main").get_by_text("Likes red shoes")).to_have_count(0)
    quiet_page.get_by_role("button", name="Undo").click()
    becomes(lambda: Note.objects.get().removed_at, None)


def test_the_demo_shop_is_removed(quiet_page: Page, ada: User, live_server: LiveServer, look: Look) -> None:
    from config import demo

    demo.seed(5, 1, clock.now(), people=False)
    quiet_page.goto(f"{live_server.url}/")
    quiet_page.get_by_role("link", name="Remove demo data").click()
    expect(quiet_page.get_by_role("button", name="Remove it for good")).to_be_visible()
    look(quiet_page, "demo-removal")
    fits(quiet_page)
    quiet_page.get_by_role("button", name="Remove it for good").click()
    expect(quiet_page.get_by_text("The demo data is gone.")).to_be_visible()
    assert not Contact.objects.exists()
