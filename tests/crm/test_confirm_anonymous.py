"""A visitor chooses in the cookie banner; when we learn who it is, the stricter of two answers counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import apikeys, capture, clock, consent, replay
from crm.capture import Arrival
from crm.models import ConsentReceipt, ConsentState, Identifier
from crm.permission import Allow
from tests.crm.people import come, email

pytestmark = pytest.mark.django_db
BANNER = {"source": "https://shop.example cookie banner", "wording": "cookies-es-1"}
PLACES = {"tracking": "onsite", "ads": "ads"}


def choose(key: str, who: str = "visitor-1", *, expect: int = 200, **choice: Any) -> Any:
    answer = Client(REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Firefox").post(
        "/api/v1/consents/cookies/", {"anonymous_id": who, **BANNER, **choice}, content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == expect, answer.content
    return answer.json()


def tell(contact: dict[str, str], purpose: str, action: str, now: datetime) -> None:
    said = {"purpose": purpose, "channel": PLACES[purpose], "action": action, "method": "web_form", "source": "banner"}
    (answer,) = capture.receive([Arrival(contact, consents=[said])], now=now)
    assert answer.problems == []


def identify(now: datetime, who: str, mail: str) -> int:
    (answer,) = capture.receive(
        [Arrival([{"kind": "anonymous_id", "value": who}, {"kind": "email", "value": mail}])], now=now
    )
    assert answer.problems == []
    return answer.contact_id or 0


def may(contact: int, purpose: str, now: datetime) -> bool:
    return isinstance(consent.allowed(contact, purpose, PLACES[purpose], now), Allow)


def test_a_banner_writes_receipts_of_somebody_nobody_knows() -> None:
    key = apikeys.create("tracking", name="site")
    told = choose(key, tracking=True, ads=False)
    assert told["recorded"] == ["tracking", "ads"]
    yes, no = ConsentReceipt.objects.order_by("pk")
    assert (yes.purpose, yes.channel, yes.action, yes.method) == ("tracking", "onsite", "granted", "web_form")
    assert (no.purpose, no.channel, no.action, no.wording) == ("ads", "ads", "refused", "cookies-es-1")
    assert yes.evidence == {"ip": "203.0.113.7", "user_agent": "Firefox"}
    assert Identifier.objects.get().kind == "anonymous_id"


def test_a_choice_that_stands_is_not_said_again_and_one_that_changed_is() -> None:
    key = apikeys.create("tracking", name="site")
    choose(key, tracking=True)
    assert choose(key, tracking=True)["recorded"] == []
    assert choose(key, tracking=False)["recorded"] == ["tracking"]
    assert ConsentReceipt.objects.count() == 2
    assert ConsentState.objects.get().state == "refused"


def test_a_sites_own_key_speaks_for_nobody_with_a_name() -> None:
    key = apikeys.create("tracking", name="site")
    choose(key, expect=422, tracking="perhaps")
    choose(key, expect=422, offers=True)
    answer = Client().post(
        "/api/v1/consents/",
        {"contact": {"email": "ada@example.com"}, "purpose": "offers", "channel": "email", "action": "granted",
         "method": "web_form", "source": "x"},
        content_type="application/json", headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == 403
    choose(apikeys.create("analyst", name="eyes"), expect=403, tracking=True)
    assert not ConsentReceipt.objects.exists()


def test_the_ordinary_address_takes_an_anonymous_visitor_too() -> None:
    key = apikeys.create("admin", name="shop")
    answer = Client().post(
        "/api/v1/consents/",
        {"contact": {"anonymous_id": "visitor-1"}, "purpose": "tracking", "channel": "onsite", "action": "granted",
         "method": "web_form", "source": "banner"},
        content_type="application/json", headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    assert ConsentState.objects.get().state == "granted"


@pytest.mark.parametrize(("visitor", "known", "allowed"), [
    ("granted", "granted", True), ("granted", "refused", False), ("refused", "granted", False),
    ("granted", "", True), ("refused", "", False), ("", "granted", True),
])  # fmt: skip
@pytest.mark.parametrize("visitor_first", [True, False])
def test_chiaras_stricter_answer_counts_when_her_browser_is_recognised(
    visitor: str,
    known: str,
    allowed: bool,
    visitor_first: bool,
    now: datetime,
) -> None:
    clock.set_to(now)
    chiara = come(now, email("chiara@example.com"))
    capture.receive([Arrival({"anonymous_id": "v"})], now=now)
    turns = [({"anonymous_id": "v"}, visitor), ({"id": str(chiara)}, known)]
    for minute, (who, action) in enumerate(turns if visitor_first else reversed(turns)):
        if action:
            tell(who if "id" not in who else {"email": "chiara@example.com"}, "tracking", action,
                 now + timedelta(minutes=minute))  # fmt: skip
    later = now + timedelta(hours=1)
    assert identify(later, "v", "chiara@example.com") == chiara
    assert may(chiara, "tracking", later) is allowed
    assert replay.differing() == []
    tell({"anonymous_id": "v"}, "tracking", "granted", later + timedelta(minutes=1))
    assert may(chiara, "tracking", later + timedelta(minutes=2))  # a new yes is hers


SAID = st.lists(
    st.tuples(st.sampled_from(["visitor", "known"]), st.sampled_from(["tracking", "ads"]),
              st.sampled_from(["granted", "refused", "withdrawn"])),
    max_size=8,
)  # fmt: skip
_turn = iter(range(10**9))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
def test_whatever_both_said_before_the_join_allows_no_more_than_each_did(
    said: list[tuple[str, str, str]], now: datetime
) -> None:
    turn = next(_turn)
    browser, mail = f"v{turn}", f"p{turn}@example.com"
    known = come(now, email(mail))
    (visitor,) = capture.receive([Arrival({"anonymous_id": browser})], now=now)
    references = {"visitor": {"anonymous_id": browser}, "known": {"email": mail}}
    for minute, (who, purpose, action) in enumerate(said):
        tell(references[who], purpose, action, now + timedelta(minutes=minute))
    later = now + timedelta(hours=1)
    before = {
        purpose: [
            folded.state for key, folded in replay.states([known, visitor.contact_id or 0]).items() if key[2] == purpose
        ]
        for purpose in PLACES
    }
    assert identify(later, browser, mail) == known
    for purpose, states in before.items():
        assert may(known, purpose, later) == (bool(states) and set(states) == {"granted"})
