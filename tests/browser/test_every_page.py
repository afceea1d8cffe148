"""Every page there is, from the resolver: readable by everybody, light and dark, and never wider than the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from campaigns import one_off
from config import work
from crm import clock, wordings
from crm.models import Segment, User
from tests.browser.patience import too_wide
from tests.config import samples
from tests.config.routes import Route, pages

Look = Callable[[Page, str], None]
pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "cauce-demo-2026"


@pytest.fixture
def town(live_server: LiveServer, quiet_page: Page, settings: LazySettings) -> Page:
    """The demo has run for a moment, and Ada is logged in."""
    settings.DEBUG = True  # so that the style guide is there
    settings.BASE_URL = live_server.url  # messages show pictures from there
    call_command("seed_demo", contacts=60, weeks=0)
    now = clock.now()
    segment = Segment.objects.earliest("pk")
    one_off.start("Sale", segment.pk, "email", "offers", pct=0, why="a test", actor="ada", owner_id=None, now=now)
    wordings.add({"purpose": "offers", "language": "en", "country": "ES", "text": "May we write to you?"}, None, "ada")
    work.drain(60)
    quiet_page.goto(f"{live_server.url}/login/?next=/sandbox/")
    quiet_page.get_by_label("Email").fill("ada@example.com")
    quiet_page.get_by_label("Password").fill(PASSWORD)
    quiet_page.keyboard.press("Enter")
    quiet_page.wait_for_url(f"{live_server.url}/sandbox/")
    return quiet_page


class TestPagesOfCampaigns:
    """Two classes, so that two processes can share the pages."""

    def test_every_page_is_readable_by_everybody(self, live_server: LiveServer, town: Page, look: Look) -> None:
        assert (
            visit([each for each in every() if each.name.startswith("campaigns:")], town, live_server.url, look) >= 12
        )


class TestAllOtherPages:
    def test_every_page_is_readable_by_everybody(self, live_server: LiveServer, town: Page, look: Look) -> None:
        rest = [each for each in every() if not each.name.startswith("campaigns:")]
        assert visit(rest, town, live_server.url, look) >= 30


def every() -> list[Route]:
    return samples.shown(pages())


def visit(routes: list[Route], town: Page, url: str, look: Look) -> int:
    """Looks at all pages among them; answers how many there were. Parts of pages and files are passed over."""
    ada = Client()
    ada.force_login(User.objects.get(email="ada@example.com"))
    wrong, seen = [], 0
    for route in routes:
        try:
            path = samples.path(route)
        except (LookupError, ObjectDoesNotExist, StopIteration) as error:
            wrong.append(f"{route.name}: nothing to look at ({error!r})")
            continue
        answer = ada.get(path, follow=True)
        if answer.status_code not in (200, 204):
            wrong.append(f"{route.name}: {answer.status_code} at {path}")
            continue
        if b"<main" not in getattr(answer, "content", b""):
            continue  # a part of another page, or a file
        seen += 1
        town.goto(url + path)
        try:
            look(town, f"page-{route.name.replace(':', '-')}")
        except AssertionError as error:
            wrong.append(f"{route.name}: {error}")
        wrong += [f"{route.name}: {each}" for each in too_wide_for_a_phone(town)]
    assert wrong == [], "\n\n".join(wrong)
    return seen


def too_wide_for_a_phone(town: Page) -> list[str]:
    """The page that is open, as it is and in Russian, whose words are the longest."""
    town.set_viewport_size({"width": 320, "height": 800})
    wide = {"as it is": too_wide(town)}
    town.set_extra_http_headers({"Accept-Language": "ru"})
    town.reload()
    wide["in Russian"] = too_wide(town)
    town.set_extra_http_headers({})
    town.set_viewport_size({"width": 1440, "height": 900})
    return [f"{much} pixels wider than 320 {how}" for how, much in wide.items() if much > 0]
