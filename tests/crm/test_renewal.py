# ruff: noqa: E501 - a table is read along its lines
"""Until when a permission that rests on a relation lasts, and that each purchase carries it on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import clock, consent, expiry, orders, regions, renewal, replay, timeline
from crm.models import Contact, Event
from tests.channels import people

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
CASL = regions.Lapse(purchase=24, inquiry=6)


def soft(**known: Any) -> renewal.Soft:
    known = {"basis": "soft_opt_in", "since": NOW, "expires_at": None, "bought": None, "asked": None, **known}
    return renewal.Soft(1, "offers", "email", 1, method="pos_screen", **known)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "until", "why"),
    [
        ({"since": day("2026-01-31")}, "2028-01-31", "purchase"),
        ({"since": day("2024-02-29")}, "2026-02-28", "purchase"),
        ({"since": day("2026-01-31"), "bought": day("2026-03-05")}, "2028-03-05", "purchase"),
        ({"basis": "legitimate_interest", "since": day("2026-08-31")}, "2027-02-28", "inquiry"),
        ({"basis": "legitimate_interest", "since": day("2026-01-01"), "asked": day("2026-05-01")}, "2026-11-01", "inquiry"),
        # who asked and then bought: the purchase carries further
        ({"basis": "legitimate_interest", "since": day("2026-01-01"), "bought": day("2025-12-01")}, "2027-12-01", "purchase"),
        # who bought long ago and asks now: the inquiry does
        ({"since": day("2024-05-01"), "asked": day("2026-04-01")}, "2026-10-01", "inquiry"),
    ],
)  # fmt: skip
def test_canada_counts_24_months_from_a_purchase_and_6_from_an_inquiry(
    known: dict[str, Any], until: str, why: str
) -> None:
    assert renewal.ends(soft(**known), CASL)[::2] == (day(until), why)


def chiara(country: str = "CA", basis: str = "soft_opt_in", **said: Any) -> Contact:
    (contact,) = people.people(1, name="Chiara", granted=())
    Contact.objects.filter(pk=contact.pk).update(country=country)
    consent.record(
        [consent.Statement(contact.pk, "offers", "email", "granted", basis, "pos_screen", "till", **said)],
        now=clock.now(),
    )
    drain()
    return contact


def drain() -> None:
    while timeline.drain() or renewal.work():
        pass


def buys(contact: Contact, number: str, at: datetime) -> None:
    orders.record([orders.NewOrder(contact.pk, number, at, Decimal(10), "EUR")], now=clock.now())
    drain()


def ends_at(contact: Contact) -> datetime | None:
    keys = [(contact.pk, people.addresses([contact])[contact.pk].pk, "offers", "email")]
    return consent.standings(keys)[keys[0]].expires_at


def test_each_purchase_of_chiara_carries_her_permission_on_and_none_shortens_it() -> None:
    clock.set_to(NOW)
    contact = chiara()
    first = ends_at(contact)
    assert first is not None
    assert first.date() == day("2028-06-10").date()
    clock.set_to(NOW + timedelta(days=30))
    buys(contact, "A-2", clock.now())
    second = ends_at(contact)
    assert second is not None
    assert second.date() == day("2028-07-10").date()
    buys(contact, "A-1", NOW - timedelta(days=200))
    assert ends_at(contact) == second
    assert replay.differing() == [], "the state is the fold of its receipts"
    # The law asks nobody twice: a renewal tells no event, so it starts no journey.
    assert Event.objects.filter(name="Consent Changed").count() == 1


def test_the_last_day_of_canada_is_the_last_one() -> None:
    clock.set_to(NOW)
    contact = chiara(occurred_at=NOW)
    end = ends_at(contact)
    assert end is not None
    before, after = end - timedelta(seconds=1), end
    assert isinstance(consent.allowed(contact.pk, "offers", "email", before), consent.Allow)
    assert consent.allowed(contact.pk, "offers", "email", after) == consent.Deny("consent_expired", end)


def test_a_no_of_hers_is_not_lifted_by_a_purchase_and_a_yes_is_not_lowered() -> None:
    clock.set_to(NOW)
    refused, granted = chiara(), chiara()
    people.withdraw(refused)
    people.allow([granted], "email")
    clock.set_to(NOW + timedelta(days=1))
    for place, contact in enumerate((refused, granted)):
        buys(contact, f"B-{place}", clock.now())
    assert consent.allowed(refused.pk, "offers", "email", clock.now()).reason == "consent_withdrawn"  # type: ignore[union-attr]
    assert consent.allowed(granted.pk, "offers", "email", clock.now()).basis == "consent"  # type: ignore[union-attr]
    assert ends_at(granted) is None


def test_who_buys_again_after_their_end_may_be_written_to_again_and_nobody_else() -> None:
    clock.set_to(NOW)
    contact, other = chiara(), chiara()
    clock.set_to(NOW + timedelta(days=800))
    while expiry.work():
        pass
    drain()
    for each in (contact, other):
        assert consent.allowed(each.pk, "offers", "email", clock.now()).reason == "consent_expired"  # type: ignore[union-attr]
    buys(contact, "C-1", clock.now())
    assert isinstance(consent.allowed(contact.pk, "offers", "email", clock.now()), consent.Allow)
    assert isinstance(consent.allowed(other.pk, "offers", "email", clock.now()), consent.Deny)
    assert replay.differing() == []


def test_what_an_import_brought_without_an_end_gets_one() -> None:
    clock.set_to(NOW)
    contact = chiara(country="ES")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_consentstate SET expires_at = NULL")
    assert renewal.pending() == 1
    drain()
    assert renewal.pending() == 0
    end = ends_at(contact)
    assert end is not None
    assert end.date() == day("2029-06-10").date(), "three years in Spain"


def test_forty_people_cost_as_many_queries_as_two() -> None:
    clock.set_to(NOW)
    counts = []
    for many in (2, 40):
        for _ in range(many):
            (contact,) = people.people(1, granted=())
            Contact.objects.filter(pk=contact.pk).update(country="CA")
            consent.record(
                [consent.Statement(contact.pk, "offers", "email", "granted", "soft_opt_in", "pos_screen", "till")],
                now=clock.now(),
            )
        while timeline.drain():
            pass
        with CaptureQueriesContext(connection) as asked:
            assert renewal.work() == many
        counts.append(len(asked))
        drain()
    assert counts[0] == counts[1]
