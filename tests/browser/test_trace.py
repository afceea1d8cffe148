"""Dario pastes the id of an event and reads what became of it, while it is being worked on and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns import lifecycle
from config import work
from crm import apikeys, clock
from crm.models import Workspace
from tests.browser import patience
from tests.browser.test_contacts import enter
from tests.campaigns import cast

Look = Callable[[Page, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


def told(name: str, event_id: str, **properties: object) -> None:
    body = {"contact": {"email": "elena@example.com"}, "name": name, "event_id": event_id, "properties": properties,
            "channel": "web", "source": "shop.example"}  # fmt: skip
    secret = apikeys.create("tracking", "shop")
    answer = Client().post(
        "/api/v1/events/", body, content_type="application/json", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 202


def test_dario_follows_an_event_from_its_id_to_the_message(
    quiet_page: Page, live_server: LiveServer, look: Look
) -> None:
    page = quiet_page
    cast.at_noon()
    Workspace.objects.update_or_create(only=True, defaults={"postal_address": "Calle del Río 1, Madrid"})
    looked = [{"type": "event", "event": "Product Viewed", "reentry": "after_exit"}]
    boots = [{**looked[0], "where": [{"f": "properties.sku", "op": "is", "v": "boot"}]}]
    cast.publish(cast.mail(), entry=looked, name="Looked at a shoe")
    cast.publish(cast.mail(), entry=boots, name="Looked at boots")
    cast.publish(cast.mail(), cast.wait(), **cast.CART, name="Abandoned cart")
    lifecycle.create(cast.document(cast.mail(), entry=looked, name="Not yet live"), actor=cast.ADA, now=clock.now())
    told("Product Added", "web-0", cart_id="c1", sku="sock-1", price=12)
    told("Product Viewed", "web-1", sku="sock-1")
    enter(page, live_server, "/developers/trace/")
    look(page, "trace-choose")
    page.get_by_label("Id of the event").fill("nothing-of-ours")
    page.get_by_role("button", name="Trace").click()
    expect(page.get_by_text("No event has this id")).to_be_visible()
    page.get_by_label("Id of the event").fill("web-1")
    page.get_by_role("button", name="Trace").click()
    expect(page.get_by_role("heading", name="Product Viewed")).to_be_visible()
    expect(page.get_by_text("Not worked on yet: what it starts")).to_be_visible()
    look(page, "trace-waiting")
    work.drain(20)
    expect(page.get_by_text("Not worked on yet: what it starts")).to_be_hidden()
    for words in ("Started", "The event does not meet the filter of the entry", "Was not published at that time"):
        expect(page.get_by_text(words, exact=True).first).to_be_visible()
    expect(page.locator("#story")).not_to_contain_text("elena@example.com")
    expect(page.locator("#story")).to_contain_text("matched by e-mail e…@example.com")
    look(page, "trace")
    patience.fits(page)
    page.goto(f"{live_server.url}/developers/trace/?event=web-0")
    expect(page.get_by_text("Waits until it has been quiet for long enough")).to_be_visible()
    look(page, "trace-cart")
