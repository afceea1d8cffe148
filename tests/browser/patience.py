"""To look as people do: when the page has come to rest, and not once but until it is so or the patience ends."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Error, Page

SECONDS = 15.0
PAUSE = 0.05
# Scripts and styles are there, letters have their width, and no part is on its way or being put in its place.
AT_REST = """document.readyState === "complete" && document.fonts.status === "loaded"
    && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def settled(page: Page) -> None:
    """Waits until what is shown stays as it is."""
    page.wait_for_load_state("load")
    comes_true(lambda: _at_rest(page))


def _at_rest(page: Page) -> bool:
    try:
        return bool(page.evaluate(AT_REST))
    except Error as error:
        if "context was destroyed" in str(error):  # another page is coming
            return False
        raise


def becomes(read: Callable[[], object], wanted: object) -> None:
    """What a page sent a moment ago is in the database a moment later."""
    until = time.monotonic() + SECONDS
    while (found := read()) != wanted and time.monotonic() < until:
        time.sleep(PAUSE)
    assert found == wanted


def comes_true(read: Callable[[], bool]) -> None:
    becomes(read, wanted=True)


def fits(page: Page, *widths: int) -> None:
    """Nothing has to be scrolled sideways, on the smallest phone or at these widths."""
    before = page.viewport_size
    for width in widths or (320,):
        page.set_viewport_size({"width": width, "height": 800})
        wide = too_wide(page)
        assert wide <= 0, f"{page.url} is {wide} px wider than {width}"
    if before:
        page.set_viewport_size(before)


def too_wide(page: Page) -> int:
    """How many pixels stick out, once the page has taken its form for this width."""
    until = time.monotonic() + 2
    settled(page)
    while (wide := int(page.evaluate(WIDER))) > 0 and time.monotonic() < until:
        page.wait_for_timeout(PAUSE * 1_000)
    return wide
