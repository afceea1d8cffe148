"""A real Chromium (Debian's) on a real server, with strict pages.

Without a window where there is such a one: the other draws its own bars and menus too, with a third of the time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.browser import patience

# Playwright's loop runs in the thread of the test, and Django refuses to work beside one.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
HERE = Path(__file__).parent
expect.set_options(timeout=patience.SECONDS * 1_000)
# Whatever people do to a part of a page.
DEEDS = ("check", "clear", "click", "fill", "focus", "press", "select_option", "set_input_files", "uncheck")
# What a browser writes down without anything being wrong: a request that a newer one replaced, and
# answers that tell of mistakes (422) or of somebody who was faster (409).
EXPECTED = ("AbortError", "status of 409", "status of 422")

# axe is put into the page alone: a frame, such as a letter in its sandbox, never answers what it asks there.
ASKED = {"resultTypes": ["violations"], "iframes": False}
# What another colour scheme can change.
COLOURS = {**ASKED, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", action="store_true", help="keep a picture of every page under .cauce/shots")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real_processes)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium here: apt-get install chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(autouse=True)
def _people_wait_for_a_page_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody does anything to what a link just led to within the milliseconds in which its scripts still come."""
    for name in DEEDS:
        monkeypatch.setattr(Locator, name, _patient(getattr(Locator, name)))


def _patient(deed: Callable[..., Any]) -> Callable[..., Any]:
    def done(self: Locator, *what: Any, **how: Any) -> Any:
        self.page.wait_for_load_state("load")
        return deed(self, *what, **how)

    return done


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page that fails its test when the browser complains: a broken script, a refused style."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(each in message.text for each in EXPECTED):
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Check a page with axe in light and dark; with `--shots` keep pictures of it."""
    keep = bool(request.config.getoption("--shots", default=False))

    def look_at(page: Page, name: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            patience.settled(page)
            found = _violations(page, ASKED if scheme == "light" else COLOURS)
            assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"
            if keep:
                _keep(page, f"{name}-{scheme}")

    return look_at


def _violations(page: Page, asked: dict[str, Any]) -> AxeResults:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return AxeResults(page.evaluate("asked => axe.run(document, asked)", asked))


def _keep(page: Page, name: str) -> None:
    folder = Path(".cauce/shots")
    folder.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
    if before:
        page.set_viewport_size(before)
