"""Dario sets an endpoint up in the browser, sees what arrives and what does not, and sends it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from channels.webhooks import sending
from crm.models import Membership, User
from tests.browser.patience import fits
from tests.channels.receiver import receiver

PASSWORD = "a-long-enough-one"
pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[[Page, str], None]


@pytest.fixture
def dario(live_server: LiveServer, page: Page, settings: Any) -> Page:
    settings.EGRESS_ALLOWED_HOSTS = ["127.0.0.1"]
    person = User.objects.create_user("dario@example.com", PASSWORD, name="Dario")
    Membership.objects.create(user=person, role="developer")
    page.goto(f"{live_server.url}/login/?next=/developers/webhooks/")
    page.get_by_label("Email").fill("dario@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/developers/webhooks/")
    return page


def seen(page: Page, look: Look, name: str) -> None:
    look(page, name)
    fits(page)


def test_dario_connects_his_server(dario: Page, look: Look) -> None:
    answers = iter([200, 503, 200])
    with receiver(lambda number, call: next(answers)) as shop:
        seen(dario, look, "webhooks-empty")
        dario.get_by_role("link", name="New endpoint").click()
        dario.get_by_label("Name").fill("Web shop")
        dario.get_by_label("Address").fill("https://10.0.0.1/hooks")
        dario.get_by_role("button", name="Create endpoint").click()
        expect(dario.get_by_text("not on the public internet")).to_be_visible()
        seen(dario, look, "webhook-refused")
        dario.get_by_label("Address").fill(shop.url)
        dario.get_by_label("message.bounced").check()
        dario.get_by_role("button", name="Create endpoint").click()
        secret = dario.get_by_label("it is not shown again").input_value()
        shop.secret = secret
        seen(dario, look, "webhook-secret")
        dario.get_by_role("button", name="Send a test event").click()
        expect(dario.get_by_text("Not tried yet")).to_be_visible()
        sending.work()
        expect(dario.get_by_role("status").get_by_text("Arrived")).to_be_visible(timeout=10_000)
        assert sum(shop.verified.values()) == 1
        seen(dario, look, "webhook-arrived")

        dario.get_by_role("link", name="Web shop").click()
        dario.get_by_role("button", name="Send a test event").click()
        sending.work()
        expect(dario.get_by_text("Is tried again")).to_be_visible(timeout=10_000)
        expect(dario.get_by_text("503")).to_be_visible()
        seen(dario, look, "webhook-tried-again")
        dario.get_by_role("link", name="Web shop").click()
        seen(dario, look, "webhook-log")
        dario.get_by_role("link", name="webhook.test").first.click()
        dario.get_by_role("button", name="Send again").click()
        sending.work()
        expect(dario.get_by_role("status").get_by_text("Arrived")).to_be_visible(timeout=10_000)

        dario.get_by_role("link", name="Web shop").click()
        dario.get_by_role("button", name="New secret").click()
        dario.get_by_role("button", name="Make a new secret").click()
        assert dario.get_by_label("it is not shown again").input_value() != secret
        expect(dario.get_by_text("former secret too")).to_be_visible()
        dario.get_by_role("link", name="To the endpoint").click()
        dario.get_by_role("button", name="Switch off").click()
        expect(dario.get_by_text("Switched off: what happens now")).to_be_visible()
        dario.get_by_role("button", name="Undo").click()
        expect(dario.get_by_role("button", name="Switch off")).to_be_visible()
        dario.get_by_role("link", name="Webhooks").first.click()
        seen(dario, look, "webhooks-list")
