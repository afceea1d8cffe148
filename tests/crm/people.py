"""Chiara, Dario and the others, made through the real doors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crm import capture, consent
from crm.consent import Recorded, Statement
from crm.models import Address, Identifier
from crm.normalise import Trace


def come(now: datetime, *traces: Trace, **fields: Any) -> int:
    """Somebody comes with these traces; their number."""
    answer = capture.receive([capture.Arrival(list(traces), fields)], now=now)[0]
    assert answer.problems == [], answer.problems
    assert answer.contact_id is not None
    return answer.contact_id


def email(value: str, *, shared: bool = False) -> Trace:
    return Trace("email", value, not shared)


def phone(value: str, *, shared: bool = False) -> Trace:
    return Trace("phone", value, not shared)


def address(value: str) -> int:
    return Address.objects.get(value=value).pk


def addresses(contact: int) -> list[int]:
    return list(Identifier.objects.filter(contact=contact, address__isnull=False).values_list("address_id", flat=True))


def say(
    now: datetime, contact: int, action: str, purpose: str = "offers", channel: str = "sms", **more: Any
) -> Recorded:
    """One statement of one person."""
    return say_all(now, [statement(contact, action, purpose, channel, **more)])[0]


def statement(contact: int, action: str, purpose: str = "offers", channel: str = "sms", **more: Any) -> Statement:
    told = {"basis": "consent" if action == "granted" else "", "method": "web_form", "source": "shop", **more}
    return Statement(contact, purpose, channel, action, **told)


def say_all(now: datetime, statements: Sequence[Statement]) -> list[Recorded]:
    return consent.record(statements, now=now)
