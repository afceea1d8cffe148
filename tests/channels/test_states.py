"""The database refuses every way between two states that is not in the table."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from channels import states
from channels.models import Message
from tests.channels import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def message() -> Message:
    people.at_noon()
    (number,) = people.ask(people.people(1))
    return Message.objects.get(pk=number)


def put(message: Message, state: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE channels_message SET state = %s WHERE id = %s", [state, message.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def allowed(message: Message, state: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE channels_message SET state = %s WHERE id = %s", [state, message.pk])
    except IntegrityError:
        return False
    return True


def test_the_trigger_allows_the_edges_and_nothing_else(message: Message) -> None:
    for before, targets in states.EDGES.items():
        for after in states.EDGES:
            put(message, before)
            assert allowed(message, after) == (after in targets or after == before), f"{before} to {after}"


def test_a_started_message_cannot_become_one_that_never_left(message: Message) -> None:
    put(message, "handing_off")
    Message.objects.filter(pk=message.pk).update(started_at=people.NOON)
    for after in states.UNSTARTED_ONLY:
        assert not allowed(message, after)


def test_nothing_is_born_sent(message: Message) -> None:
    with pytest.raises(IntegrityError, match="may not begin as accepted"), transaction.atomic():
        Message.objects.create(contact=message.contact, channel="email", due_at=people.NOON, state="accepted")
