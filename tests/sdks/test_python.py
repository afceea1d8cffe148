"""The SDKs of Segment and RudderStack for Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import rudderstack.analytics.client as rudder  # type: ignore[import-untyped]
import segment.analytics.client as segment  # type: ignore[import-untyped]

from crm.models import Event
from tests.sdks import evening
from tests.sdks.doorman import Door

SEEN = "a.track('u', 'Seen', {{}}); a.shutdown()"
CLIENTS: dict[str, Callable[..., Any]] = {"segment": segment.Client, "rudder": rudder.Client}


def client(which: str, key: str, door: Door, *, zipped: bool = False, **more: Any) -> Any:
    """As its own documents say, with another host."""
    return CLIENTS[which](key, host=door.url, gzip=zipped, upload_interval=0.1, **more)


def tell(sdk: Any) -> None:
    sdk.identify(
        "elena-1", {"email": "elena@example.com", "firstName": "Elena", "shoe_size": 39}, anonymous_id="browser-1"
    )
    sdk.track(
        "elena-1", "Product Added", {"cart_id": "c1", "sku": "R1", "name": "Runner", "price": 89.9, "quantity": 1}
    )
    sdk.page("elena-1", None, "Home", {"url": "https://shop.example/"})
    sdk.group("elena-1", "acme", {"name": "Acme"})
    sdk.track(None, "Product Viewed", {"sku": "R2"}, anonymous_id="visitor-2")
    sdk.alias("visitor-2", "elena-1")
    sdk.flush()
    sdk.join()


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("which", CLIENTS)
def test_an_evening_arrives_with_only_the_host_changed(which: str, key: str, zipped: bool, door: Door) -> None:
    tell(client(which, key, door, zipped=zipped))
    evening.elena()
    assert set(door.answers) == {200}
    assert {each.get("content-encoding") for each in door.seen} == {"gzip" if zipped else None}


@pytest.mark.parametrize("which", CLIENTS)
@pytest.mark.parametrize("refusals", [[500, 503], [429]], ids=["an ill server", "too much at once"])
def test_what_is_refused_for_a_while_arrives_once(which: str, secret: str, refusals: list[int], door: Door) -> None:
    door.refusals = list(refusals)
    tell(client(which, secret, door))
    assert door.refusals == []
    evening.elena()


@pytest.mark.parametrize("which", CLIENTS)
def test_an_answer_that_was_lost_makes_nothing_double(which: str, secret: str, door: Door) -> None:
    door.lost = 1
    tell(client(which, secret, door))
    evening.elena()
    assert len(door.answers) >= 2


@pytest.mark.parametrize("which", CLIENTS)
def test_what_an_sdk_puts_into_one_batch_is_not_too_much(which: str, secret: str, door: Door) -> None:
    """RudderStack's fills a batch up to four megabytes."""
    sdk = client(which, secret, door, upload_size=100)
    for number in range(100):
        sdk.track("elena-1", "Seen", {"number": number, "words": "word " * 2_500})
    sdk.flush()
    sdk.join()
    assert set(door.answers) == {200}
    assert Event.objects.filter(name="Seen").count() == 100


@pytest.mark.parametrize("which", CLIENTS)
def test_a_wrong_key_is_told_and_not_tried_for_ever(which: str, transactional_db: None, door: Door) -> None:
    errors: list[Any] = []
    sdk = client(which, "wk_wrong", door, on_error=lambda error, items: errors.append(error))
    sdk.track("elena-1", "Seen", {})
    sdk.flush()
    sdk.join()
    assert (errors[0].status, errors[0].code) == (401, "invalid_key")
    assert len(door.seen) == 1
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "script",
    [
        "import segment.analytics as a; a.write_key, a.host = {key!r}, {host!r}; " + SEEN,
        "import rudderstack.analytics as a; a.write_key, a.dataPlaneUrl = {key!r}, {host!r}; " + SEEN,
    ],
    ids=["segment", "rudder"],
)
def test_what_waits_at_the_end_of_a_script_arrives(script: str, key: str, door: Door) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script.format(key=key, host=door.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Event.objects.filter(name="Seen").count() == 1
