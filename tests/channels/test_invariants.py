"""Each promise, broken by SQL on purpose, is seen by exactly its own invariant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from channels.models import Attempt, Message
from channels.outbox import delivery
from crm import suppression
from crm.registry import invariants
from tests.channels import people

NAMES = ("I1", "I2", "I3", "I4", "I8", "I9", "I10", "I11")
pytestmark = pytest.mark.django_db


@pytest.fixture
def sent() -> list[int]:
    """Three people have been written to, in order, and every promise is kept."""
    people.at_noon()
    ids = people.ask(people.people(3))
    delivery.deliver()
    assert people.states() == {"accepted": 3}
    assert broken() == {}
    return ids


def broken() -> dict[str, list[Any]]:
    """The offending rows of every invariant of sending that is not kept."""
    found = {}
    with connection.cursor() as cursor:
        for name in NAMES:
            invariant = invariants.get(name)
            assert invariant is not None
            cursor.execute(invariant.sql, list(invariant.params) or None)
            rows = cursor.fetchall()
            if rows:
                found[name] = [row[0] for row in rows]
    return found


def change(sql: str, *params: Any) -> None:
    """Write past the outbox and its triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_two_messages_of_an_edition_to_one_address_are_seen(sent: list[int]) -> None:
    change("DROP INDEX message_once_an_edition")
    change("UPDATE channels_message SET edition = true, address_hash = 'same' WHERE id = ANY(%s)", sent[:2])
    assert broken() == {"I1": [sent[0]]}


def test_a_message_after_a_withdrawal_is_seen(sent: list[int]) -> None:
    people.withdraw(Message.objects.get(pk=sent[1]).contact)
    assert broken() == {}, "it was sent before"
    change("UPDATE channels_message SET started_at = clock_timestamp() WHERE id = %s", sent[1])
    assert broken() == {"I2": [sent[1]]}


def test_a_message_after_a_withdrawal_and_a_new_yes_is_no_offence(sent: list[int]) -> None:
    contact = Message.objects.get(pk=sent[1]).contact
    people.withdraw(contact)
    people.allow([contact], "email")
    change("UPDATE channels_message SET started_at = clock_timestamp() WHERE id = %s", sent[1])
    assert broken() == {}


def test_a_message_to_a_suppressed_address_is_seen(sent: list[int]) -> None:
    message = Message.objects.get(pk=sent[2])
    suppression.suppress("email", [message.address_hash], "complaint", now=people.NOON - timedelta(days=1))
    assert broken() == {"I3": [sent[2]]}


def test_a_blocked_message_that_was_attempted_is_seen(sent: list[int]) -> None:
    change("UPDATE channels_message SET state = 'blocked', started_at = NULL WHERE id = %s", sent[0])
    assert broken() == {"I4": [sent[0]]}


def test_a_failed_message_with_definite_refusals_only_is_no_offence(sent: list[int]) -> None:
    change("UPDATE channels_message SET state = 'failed' WHERE id = %s", sent[0])
    Attempt.objects.filter(message_id=sent[0]).update(outcome="refused")
    assert broken() == {}


def test_a_lease_nobody_reaped_is_seen(sent: list[int]) -> None:
    change(
        "UPDATE channels_message SET state = 'claimed', lease_until = clock_timestamp() - interval '6 minutes'"
        " WHERE id = %s",
        sent[0],
    )
    assert broken() == {"I8": [sent[0]]}


def test_one_message_more_than_the_cap_is_seen(sent: list[int]) -> None:
    first = Message.objects.get(pk=sent[0])
    change(
        "UPDATE channels_message SET judged = judged || jsonb_build_object('contact', %s, 'cap', 2) WHERE id = ANY(%s)",
        first.contact_id,
        sent,
    )
    assert broken() == {"I9": [sent[2]]}


def test_a_message_in_quiet_hours_is_seen(sent: list[int]) -> None:
    change("UPDATE channels_message SET counted_at = '2026-06-10 21:30+00' WHERE id = %s", sent[1])
    assert broken() == {"I10": [sent[1]]}, "23:30 in Madrid"
    change('UPDATE channels_message SET judged = judged || \'{"zone": "America/New_York"}\' WHERE id = %s', sent[1])
    assert broken() == {}, "17:30 in New York"


def test_a_message_to_somebody_held_out_is_seen(sent: list[int]) -> None:
    change("UPDATE channels_message SET held_out = true WHERE id = %s", sent[0])
    assert broken() == {"I11": [sent[0]]}
