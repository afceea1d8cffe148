"""An empty installation becomes a place where people work, and somebody leaves it again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from channels import accounts
from crm import clock, invitations, wordings
from crm.models import Contact, Store, User
from tests.browser.patience import fits

PASSWORD = "a-long-enough-one"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture(autouse=True)
def _held() -> None:
    accounts.forget()


def seen(page: Page, look: Look, name: str) -> None:
    look(page, name)
    fits(page)


def enter(page: Page, server: LiveServer, path: str, email: str = "ada@example.com") -> None:
    page.goto(f"{server.url}/login/?next={path}")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def test_olga_sets_up_invites_dario_and_ends_his_access(
    live_server: LiveServer, browser: Browser, page: Page, look: Look, settings: pytest.FixtureRequest
) -> None:
    settings.BASE_URL = live_server.url  # type: ignore[attr-defined]
    page.goto(f"{live_server.url}/login/")
    expect(page.get_by_role("heading", name="Set up this installation")).to_be_visible()
    seen(page, look, "setup")
    page.get_by_role("button", name="Set up and go on").click()
    expect(page.get_by_role("alert")).to_be_visible()
    seen(page, look, "setup-refused")
    page.get_by_role("textbox", name="Name").first.fill("Zapatería del Río")
    page.get_by_label("Country").select_option("MX")
    expect(page.get_by_label("Currency")).to_have_value("MXN")
    page.get_by_label("Country").select_option("ES")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Madrid")
    expect(page.get_by_label("Currency")).to_have_value("EUR")
    page.get_by_label("Postal address").fill("Calle del Río 1, 28005 Madrid")
    page.get_by_label("Your name").fill("Olga")
    page.get_by_label("Your e-mail").fill("olga@rio.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Sender name").fill("Zapatería del Río")
    page.get_by_label("Sender address").fill("hola@rio.example")
    page.get_by_role("button", name="Set up and go on").click()
    expect(page.get_by_role("heading", name="It is set up. How do you want to begin?")).to_be_visible()
    seen(page, look, "setup-start")
    page.get_by_role("link", name="Start empty").click()
    expect(page.locator(".shell")).to_be_visible()
    assert not Contact.objects.exists()

    page.goto(f"{live_server.url}/settings/")
    seen(page, look, "settings")
    page.get_by_role("main").get_by_role("link", name="Team").click()
    page.wait_for_url("**/settings/team/")
    seen(page, look, "team")
    page.get_by_role("link", name="Invite somebody").click()
    expect(page.get_by_role("button", name="Invite")).to_be_visible()
    seen(page, look, "team-invite")
    page.get_by_label("E-mail").fill("dario@rio.example")
    page.get_by_role("combobox", name="Role").select_option("marketer")
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("The link; you see it only now").input_value()
    seen(page, look, "team-invited")
    page.get_by_role("link", name="Back to the team").click()
    expect(page.get_by_role("table").first).to_contain_text("dario@rio.example")
    seen(page, look, "team-waiting")

    darios = browser.new_context().new_page()
    darios.goto(link)
    expect(darios.get_by_role("heading", name="Join Zapatería del Río")).to_be_visible()
    seen(darios, look, "join")
    darios.get_by_label("Your name").fill("Dario")
    darios.get_by_label("Password").fill("123")
    darios.get_by_role("button", name="Join").click()
    expect(darios.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    seen(darios, look, "join-refused")
    darios.get_by_label("Password").fill(PASSWORD)
    darios.get_by_role("button", name="Join").click()
    expect(darios.locator(".shell")).to_be_visible()
    darios.goto(f"{live_server.url}/settings/")
    expect(darios.get_by_role("main").get_by_role("link", name="Team")).to_be_hidden()

    page.reload()
    page.get_by_role("link", name="Dario").click()
    page.get_by_role("checkbox", name="Marketer").uncheck()
    page.get_by_role("button", name="Save").click()
    group = page.get_by_role("group", name="In the office")
    expect(group).to_contain_text("Choose at least one role")
    seen(page, look, "member-refused")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.locator("h1")).to_contain_text("Deactivated")
    seen(page, look, "member-deactivated")
    darios.get_by_role("link", name="You", exact=False).first.click()
    darios.wait_for_url(re.compile("/login/"))
    expect(darios.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).not_to_contain_text("Deactivated")
    darios.close()


def test_ada_looks_through_the_settings(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    page = quiet_page
    ada = User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    accounts.ensure()
    enter(page, live_server, "/settings/workspace/")
    seen(page, look, "workspace")
    for path, name in (
        ("/settings/me/", "me"), ("/settings/me/password/", "my-password"), ("/settings/stores/", "stores-empty"),
        ("/settings/stores/new/", "store-new"), ("/settings/consent-texts/", "wordings-empty"),
        ("/settings/consent-texts/new/", "wording-new"), ("/settings/channels/", "channels"),
    ):  # fmt: skip
        page.goto(live_server.url + path)
        seen(page, look, name)
    Store.objects.create(code="centro", name="Tienda Centro con un nombre bastante largo", country="ES",
                         zone="Europe/Madrid", address={"city": "Madrid"})  # fmt: skip
    for text in ("Quiero recibir ofertas por correo.", "Quiero recibir ofertas de Zapatería del Río por correo."):
        row = wordings.add({"purpose": "offers", "language": "es", "country": "", "text": text}, ada.pk, "test")
    invitations.invite("a-rather-long-address@department.example.com", ("analyst", None), ada, clock.real())
    for path, name in (
        ("/settings/stores/", "stores"), ("/settings/consent-texts/", "wordings"),
        (f"/settings/consent-texts/{row.pk}/", "wording"), ("/settings/team/", "team-filled"),
        (f"/settings/team/{ada.pk}/", "member"),
    ):  # fmt: skip
        page.goto(live_server.url + path)
        seen(page, look, name)


def test_ada_sets_up_a_mail_server_and_closes_a_store_with_a_way_back(
    live_server: LiveServer, page: Page, look: Look
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    accounts.ensure()
    enter(page, live_server, "/settings/channels/")
    page.get_by_role("link", name="E-mail", exact=True).click()
    page.get_by_role("link", name="Mail server (SMTP)").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Server")).to_have_attribute("aria-invalid", "true")
    seen(page, look, "account-refused")
    page.get_by_label("Server").fill("mail.example.com")
    page.get_by_label("Password").fill("hunter2")
    page.get_by_label("Cost of a message").fill("0.0004")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("table").first).to_contain_text("€0.0004")
    page.get_by_role("link", name="E-mail", exact=True).click()
    expect(page.get_by_label("Password")).to_have_value("")
    seen(page, look, "account")
    page.goto(f"{live_server.url}/settings/channels/new/sms/?carrier=http_sms")
    seen(page, look, "account-sms")
    page.goto(f"{live_server.url}/settings/stores/new/")
    page.get_by_role("textbox", name="Name").fill("Tienda Centro")
    page.get_by_role("textbox", name="Code", exact=False).first.fill("centro")
    page.get_by_label("Country").select_option("ES")
    page.get_by_label("Monday").fill("early")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Monday")).to_have_attribute("aria-invalid", "true")
    seen(page, look, "store-refused")
    page.get_by_label("Monday").fill("10–14, 17–20:30")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Close Tienda Centro").click()
    expect(page.get_by_text("Closed", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Closed", exact=True)).to_be_hidden()


def test_who_forgot_a_password(live_server: LiveServer, quiet_page: Page, look: Look) -> None:
    page = quiet_page
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    page.goto(f"{live_server.url}/login/")
    seen(page, look, "login-with-link")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_role("button", name="Send the link")).to_be_visible()
    seen(page, look, "password")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    seen(page, look, "password-sent")
    page.goto(f"{live_server.url}/password/x/y/")
    expect(page.get_by_role("heading", name="This link has ended")).to_be_visible()
    seen(page, look, "password-over")
    page.goto(f"{live_server.url}/password/done/")
    seen(page, look, "password-done")
