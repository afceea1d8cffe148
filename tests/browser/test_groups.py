"""Ada puts a family together, on her desk and on her phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from tests.browser.patience import fits
from tests.channels import people

PASSWORD = "cauce-demo-2026"


@pytest.mark.django_db(transaction=True)
def test_ada_puts_a_family_together_and_takes_its_removal_back(
    live_server: LiveServer, quiet_page: Page, look: Callable[[Page, str], None]
) -> None:
    User.objects.create_superuser("ada@example.com", PASSWORD, name="Ada")
    (marta,) = people.people(1, name="Marta")
    page = quiet_page
    page.goto(f"{live_server.url}/login/?next=/contacts/groups/")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/groups/")
    look(page, "groups-empty")
    page.get_by_label("Name", exact=True).fill("Casa Vidal")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("E-mail, phone, card or name").fill(f"p{marta.pk}@example.com")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name="Marta")).to_be_visible()
    look(page, "group")
    fits(page)
    page.get_by_role("button", name="Remove the group").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Casa Vidal")).to_be_visible()
    expect(page.get_by_role("link", name="Marta")).to_be_visible()
