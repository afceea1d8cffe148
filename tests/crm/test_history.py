"""What somebody did and was told, in plain words, and what they allowed, with its proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm import history, obstacles, orders, proofs, reasons, suppression, timeline, words
from crm.models import Event
from crm.timeline import NewFact
from tests.crm.people import address, come, email, phone, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def marta(now: datetime) -> int:
    return come(now, email("marta@mail.example"), phone("+34600112233"), given_name="Marta")


def entries(contact: int, kind: str = "") -> list[str]:
    return [entry.title for _, found in history.timeline(contact, kind).days for entry in found]


def test_events_are_told_in_plain_words(marta: int, now: datetime) -> None:
    told = [
        NewFact(marta, "Order Completed", {"order_id": "7", "total": {"amount": "42.50", "currency": "EUR"},
                                           "products": [{"name": name} for name in "ABCDEF"]}, channel="store"),
        NewFact(marta, "Product Viewed", {"name": "Trail shoes"}, channel="web"),
        NewFact(marta, "Message Clicked", {"channel": "email", "url": "https://shop.example/"}, channel="mail"),
        NewFact(marta, "Weather Asked", {"city": "Valencia", "deep": {"a": 1}}),
    ]  # fmt: skip
    timeline.record(told, now=now + timedelta(minutes=1))
    assert entries(marta)[:4] == ["Weather Asked", "Clicked: E-mail", "Looked at Trail shoes", "Bought for €42.50"]
    assert entries(marta, "store") == ["Bought for €42.50"]
    assert entries(marta, "web") == ["Looked at Trail shoes"]
    (_, found) = history.timeline(marta, "orders").days[0]
    assert found[0].detail == ["A, B, C, D, and 2 more", "order 7"]


def test_every_known_event_and_every_channel_has_words(marta: int, now: datetime) -> None:
    from crm.statements import ACTIONS, METHODS, PURPOSES
    from crm.telling import STAGES, TOLD, tell

    for name in TOLD:
        event = Event(pk=1, contact_id=marta, name=name, properties={}, occurred_at=now, channel="mail")
        entry = tell(event, {})
        assert entry.title
        assert entry.title != name or name == "Cart Updated"
    assert set(PURPOSES) == set(words.PURPOSES)
    assert set(METHODS) == set(words.METHODS)
    assert set(ACTIONS) == set(words.ACTIONS) | set(words.INNER_ACTIONS)
    assert set(STAGES) == set(words.STAGES)


@pytest.mark.parametrize("properties", [{"reason": "consent_missing", "channel": "sms"}, {}, {"reason": "odd(7)"}])
def test_a_message_that_was_not_sent_says_why(marta: int, now: datetime, properties: dict[str, str]) -> None:
    timeline.record([NewFact(marta, "Message Skipped", properties, channel="sms")], now=now)
    (_, (entry,)) = history.timeline(marta, "blocked").days[0]
    assert entry.title.startswith("SMS not sent: ")
    assert entry.why


def test_the_reason_says_since_when(marta: int, now: datetime) -> None:
    timeline.record([NewFact(marta, "Message Skipped", {"reason": "consent_withdrawn", "channel": "sms"})], now=now)
    (event,) = Event.objects.filter(contact=marta, name="Message Skipped")
    known = {event.pk: {"detail": {"since": "2025-10-02T10:00:00+00:00"}, "campaign": "Cart", "url": "/x/"}}
    history.resolvers.add("test", lambda events: known)
    try:
        (_, (entry,)) = history.timeline(marta, "blocked").days[0]
    finally:
        history.resolvers._items.pop("test")
    assert entry.title == "SMS not sent: They said no since 2 Oct. 2025"
    assert (entry.campaign, entry.change.split("/")[-2]) == ("Cart", "consent")


def test_every_reason_of_a_refusal_has_words_and_a_rule() -> None:
    from crm import permission

    codes = {*permission.SUPPRESSED.values(), *permission.STATES.values(), *permission.HEALTH.values(),
             "quiet_hours", "cap", "holdout_campaign", "expired", "no_address", "recalled", "out_of_stock"}  # fmt: skip
    assert codes <= reasons.NOT_SENT.keys()
    assert codes <= obstacles.RULES.keys()
    assert reasons.words("provider_reject(550)") == "The carrier refused it (550)"


def test_a_page_of_the_timeline_costs_the_same_however_long(marta: int, now: datetime) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as told:
            history.timeline(marta)
        return len(told)

    facts = [NewFact(marta, "Product Viewed", {"name": str(n)}, now - timedelta(hours=n)) for n in range(120)]
    timeline.record(facts[:10], now=now)
    few = queries()
    timeline.record(facts[10:], now=now)
    assert queries() == few


def test_older_entries_follow_without_a_gap(marta: int, now: datetime) -> None:
    facts = [NewFact(marta, "Product Viewed", {"name": f"P{n}"}, now - timedelta(hours=n)) for n in range(120)]
    timeline.record(facts, now=now)
    seen, cursor = [], ""
    for _ in range(5):
        page = history.timeline(marta, "", cursor)
        seen += [entry.title for _, found in page.days for entry in found if entry.title.startswith("Looked")]
        cursor = page.next
        if not cursor:
            break
    assert seen == [f"Looked at P{n}" for n in range(120)]


def test_purchases_are_summed(marta: int, now: datetime) -> None:
    def buy(number: int, days: int, total: str, currency: str = "EUR") -> orders.NewOrder:
        return orders.NewOrder(marta, f"o{number}", now - timedelta(days=days), Decimal(total), currency, [])

    orders.put([buy(1, 400, "10"), buy(2, 20, "30.50"), buy(3, 0, "9.50"), buy(4, 1, "99", "USD")], now=now)
    found = history.purchases(marta, "EUR", now)
    assert (found.orders, found.spent, found.rhythm) == (3, Decimal("40.00"), 200)
    assert history.purchases(marta + 1, "EUR", now).rhythm is None
    assert [each.order_id for each in history.orders(marta).rows] == ["o3", "o4", "o2", "o1"]


# --- consent -----------------------------------------------------------------------------------


def cells(contact: int, now: datetime) -> dict[tuple[str, str], str]:
    found = proofs.matrix(contact, now, full=True)
    return {(row.channel, cell.purpose): cell.state for row in found.rows for cell in row.cells}


def test_the_matrix_says_what_they_allowed(marta: int, now: datetime) -> None:
    assert cells(marta, now)["email", "offers"] == "not_asked"
    assert cells(marta, now)["email", "service"] == "allowed"
    say(now, marta, "granted", channel="email")
    say(now, marta, "withdrawn", channel="sms")
    say(now, marta, "requested", channel="whatsapp", method="")
    found = cells(marta, now)
    assert found["email", "offers"] == "yes"
    assert found["sms", "offers"] == "no"
    assert found["whatsapp", "offers"] == "waiting"
    say(now, marta, "paused", channel="email", until=now + timedelta(days=30))
    assert cells(marta, now)["email", "offers"] == "paused"
    assert cells(marta, now + timedelta(days=31))["email", "offers"] == "yes"


def test_a_yes_with_an_end_expires_in_the_matrix(marta: int, now: datetime) -> None:
    say(now, marta, "granted", channel="email", expires_at=now + timedelta(days=1))
    assert cells(marta, now)["email", "offers"] == "yes"
    assert cells(marta, now + timedelta(days=1))["email", "offers"] == "expired"


def test_a_no_of_the_address_counts_for_all_who_hold_it(marta: int, now: datetime) -> None:
    other = come(now, email("marta@mail.example", shared=True), phone("+34600999888"), given_name="Luis")
    say(now, other, "granted", channel="email")
    say(now, marta, "withdrawn", channel="email")
    assert cells(other, now)["email", "offers"] == "no"


def test_what_stops_an_address_stands_in_its_row(marta: int, now: datetime) -> None:
    from crm.models import Address

    row = Address.objects.get(pk=address("marta@mail.example"))
    suppression.suppress("email", [row.hash], "bounce", now=now)
    (found,) = [row for row in proofs.matrix(marta, now, full=False).rows if row.channel == "email"]
    assert found.blocked == [("channel_suppressed_bounce", now)]
    assert found.address == "m…@mail.example"


def test_each_statement_has_its_proof_and_a_change_is_seen(marta: int, now: datetime) -> None:
    from crm.models import Wording

    Wording.objects.create(code="offers-es-1", purpose="offers", language="es", version=1, text="¿Ofertas?")
    say(now, marta, "granted", channel="email", wording="offers-es-1", evidence={"ip": "192.0.2.7"})
    say(now, marta, "withdrawn", channel="email")
    last, first = proofs.proofs(marta, full=True)
    assert (first.text, first.evidence, first.whole, last.whole) == ("¿Ofertas?", [("ip", "192.0.2.7")], True, True)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as somebody with the keys to the database
        cursor.execute("UPDATE crm_consentreceipt SET source = 'elsewhere' WHERE id = %s", [first.receipt.pk])
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    last, first = proofs.proofs(marta, full=True)
    assert (first.whole, last.whole) == (False, False)
