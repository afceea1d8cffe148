"""May we have written to Chiara then? Asked of the receipts, for any instant of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import asof, consent, publicids, suppression
from crm.consent import Allow
from crm.identity import merging
from crm.models import Address, Contact, Identifier, User
from tests.crm.people import address, come, email, phone, say

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOBILE, OTHER = "+34600112233", "+34600112244"


def word(answer: Any) -> str:
    return "yes" if isinstance(answer, Allow) else answer.reason


def then(contact: int, at: datetime, channel: str = "sms", message_class: str = "marketing") -> str:
    return word(asof.allowed(contact, "offers", channel, at, message_class).verdict)


def test_chiara_said_yes_in_march_and_no_in_may_and_both_are_answered() -> None:
    chiara = come(START, phone(MOBILE))
    granted = say(START + DAY, chiara, "granted")
    say(START + 60 * DAY, chiara, "withdrawn")
    assert then(chiara, START) == "consent_missing"
    assert asof.allowed(chiara, "offers", "sms", START + 2 * DAY).verdict == Allow("consent", granted.receipt_id)
    assert then(chiara, START + 61 * DAY) == "consent_withdrawn"
    assert then(chiara, START + 61 * DAY, message_class="transactional") == "yes"
    assert then(10**9, START) == "contact_removed"


def test_a_paper_form_of_last_week_was_a_yes_but_nobody_could_know() -> None:
    chiara = come(START, phone(MOBILE))
    said = say(START + 7 * DAY, chiara, "granted", occurred_at=START + DAY)
    known = said.recorded_at - timedelta(seconds=1)
    assert then(chiara, START + 2 * DAY) == "yes"
    assert word(asof.allowed(chiara, "offers", "sms", START + 2 * DAY, known_at=known).verdict) == "consent_missing"


def test_a_no_at_a_shared_phone_holds_for_both_from_its_day_on() -> None:
    mother, son = (
        come(START, phone(MOBILE, shared=True)),
        come(START, phone(MOBILE, shared=True), email("s@example.com")),
    )
    for person in (mother, son):
        say(START + HOUR, person, "granted")
    say(START + DAY, son, "withdrawn", address_id=address(MOBILE))
    assert then(mother, START + 2 * HOUR) == "yes"
    assert then(mother, START + 2 * DAY) == "consent_withdrawn"


def test_a_bounce_stops_from_its_day_and_until_it_is_lifted() -> None:
    chiara = come(START, phone(MOBILE))
    say(START, chiara, "granted")
    place = Address.objects.get()
    suppression.suppress("phone", [place.hash], "bounce", now=START + DAY)
    suppression.lift("phone", [place.hash], now=START + 3 * DAY)
    assert [then(chiara, START + hours * HOUR) for hours in (12, 36, 96)] == ["yes", "channel_suppressed_bounce", "yes"]


def test_what_ran_out_and_what_was_paused_is_known_by_the_hour() -> None:
    chiara = come(START, phone(MOBILE))
    say(START, chiara, "granted", expires_at=START + 10 * DAY)
    say(START + DAY, chiara, "paused", until=START + 2 * DAY)
    days = [then(chiara, START + each * DAY) for each in (0.5, 1.5, 2.5, 11)]
    assert days == ["yes", "consent_withdrawn", "yes", "consent_expired"]


def test_an_address_that_came_later_was_not_there() -> None:
    chiara = come(START, email("chiara@example.com"))
    say(START, chiara, "granted", channel="sms")
    come(START + 5 * DAY, email("chiara@example.com"), phone(MOBILE))
    Identifier.objects.filter(kind="phone").update(created_at=START + 5 * DAY)
    assert then(chiara, START + DAY) == "no_address"
    assert then(chiara, START + 6 * DAY) == "yes"


def test_before_two_became_one_only_what_she_said_herself_counts() -> None:
    elena, twin = come(START, phone(MOBILE)), come(START, email("twin@example.com"), phone(OTHER))
    say(START, elena, "granted")
    say(START, twin, "granted", channel="email")
    say(START + DAY, twin, "withdrawn", address_id=address(OTHER))
    merging.merge(elena, twin, {}, actor="user:1", now=START + 5 * DAY)
    assert then(elena, START + 4 * DAY, channel="email") == "consent_missing"
    assert then(elena, START + 4 * DAY) == "yes"
    assert then(elena, START + 6 * DAY, channel="email") == "yes"
    assert then(elena, START + 6 * DAY) == word(consent.allowed(elena, "offers", "sms", START + 6 * DAY))


def test_it_costs_five_questions_however_much_was_said() -> None:
    chiara = come(START, phone(MOBILE), phone(OTHER))
    for number in range(20):
        say(START + number * HOUR, chiara, "granted" if number % 2 else "withdrawn")
    with CaptureQueriesContext(connection) as asked:
        asof.allowed(chiara, "offers", "sms", START + DAY)
    assert len(asked) == 5


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["mother", "son"]),
        st.sampled_from(["granted", "confirmed", "requested", "refused", "withdrawn", "objected", "paused", "expired"]),
        st.sampled_from(["web_form", "doi_email", "csv_import"]),
        st.sampled_from(["shared", "all"]),
        st.integers(1, 30),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_what_was_answered_live_is_what_is_answered_of_that_hour_later(acts: list[Any]) -> None:
    Contact.objects.all().update(archived_at=None)
    people = {"mother": come(START, phone(MOBILE, shared=True), email(f"m{Contact.objects.count()}@example.com")),
              "son": come(START, phone(MOBILE, shared=True), phone(f"+3460{Contact.objects.count():07d}"))}  # fmt: skip
    live = []
    begun = START + Contact.objects.count() * 100 * DAY  # what earlier examples said at the shared phone is past
    for number, (who, action, method, where, days) in enumerate(acts):
        at = begun + number * DAY
        say(at, people[who], action, basis="consent", method=method, until=at + days * DAY,
            expires_at=at + days * DAY if days % 3 == 0 else None,
            address_id=address(MOBILE) if where == "shared" else None)  # fmt: skip
        for contact in people.values():
            for message_class in ("marketing", "service"):
                moment = at + HOUR
                live.append(
                    (
                        contact,
                        moment,
                        message_class,
                        word(consent.allowed(contact, "offers", "sms", moment, message_class)),
                    )
                )
    for contact, moment, message_class, answered in live:
        assert then(contact, moment, message_class=message_class) == answered


def test_ada_asks_of_a_day_and_sees_the_ground(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    chiara = come(START, phone(MOBILE))
    say(START, chiara, "granted", source="Shop on Gran Via")
    say(START + 10 * DAY, chiara, "withdrawn")
    url = reverse("crm:contact-then", args=[chiara])
    assert "Gran Via" not in client.get(url).content.decode()
    asked = {"purpose": "offers", "channel": "sms", "message_class": "marketing"}
    page = client.get(url, {**asked, "at": "2026-03-05T10:00"}).content.decode()
    assert "Gran Via" in page
    assert MOBILE in page
    page = client.get(url, {**asked, "at": "2026-03-20T10:00"}).content.decode()
    assert "They said no" in page
    assert client.get(url, {**asked, "at": "soon"}).status_code == 200


def test_an_integrator_asks_of_now_and_of_then(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "x", name="Ada"))
    chiara = come(START, phone(MOBILE))
    receipt = say(START, chiara, "granted").receipt_id
    say(START + 10 * DAY, chiara, "withdrawn")
    asked = {"phone": MOBILE, "purpose": "offers", "channel": "sms"}
    then = client.get("/api/v1/consents/allowed/", {**asked, "at": "2026-03-05T10:00:00Z"}).json()
    assert (then["allowed"], then["receipt"], then["basis"]) == (True, publicids.encode("rcp", receipt), "consent")
    assert MOBILE not in str(then)
    now = client.get("/api/v1/consents/allowed/", {**asked, "at": "2026-04-05T10:00:00Z"}).json()
    assert (now["allowed"], now["reason"]) == (False, "consent_withdrawn")
    for wrong in ({**asked, "at": "yesterday"}, {**asked, "purpose": "fun"}, {"purpose": "offers", "channel": "sms"}):
        assert client.get("/api/v1/consents/allowed/", wrong).status_code == 422
    assert client.get("/api/v1/consents/allowed/", {**asked, "phone": "+34600999888"}).status_code == 404
