"""A new visitor whose first messages come all at once, over many connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from crm import apikeys
from crm.models import Contact, Event, Identifier
from tests.crm.tracking.conftest import Sender

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("role", ["tracking", "admin"])
def test_a_new_visitor_is_one_contact_however_many_messages_come_at_once(role: str) -> None:
    key = apikeys.create(role, role)

    def send(number: int) -> int:
        try:
            message = {"userId": "u-1", "anonymousId": f"b-{number % 2}", "messageId": f"m-{number % 8}"}
            kinds: list[dict[str, Any]] = [
                {"type": "identify", "traits": {"email": "u@example.com"}},
                {"type": "track", "event": "Seen"},
            ]
            body = [{**message, **kind, "messageId": f"{kind['type']}-{number % 8}"} for kind in kinds]
            return int(Sender(key).batch(*body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(16))) == {200}
    (one,) = Contact.objects.filter(merged_into=None)
    assert Identifier.objects.filter(contact=one, kind="email").count() == 1
    for name in ("Seen", "Identified"):
        assert Event.objects.filter(contact_id=one.pk, name=name).count() == 8
