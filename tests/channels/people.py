"""People for tests of sending: many at once, with addresses and permission, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from channels import content
from channels.models import Message
from channels.outbox import Planned, enqueue
from crm import clock, consent, suppression
from crm.models import Address, Contact, Identifier

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
LETTER = {
    "subject": "Hello {{ contact.given_name | default: 'you' }}",
    "html": "<p>Dear {{ contact.given_name | default: 'you' }}, see <a href='https://shop.example/a'>this</a>.</p>",
    "text": "Dear {{ contact.given_name | default: 'you' }}, see https://shop.example/a",
    "from_address": "shop@shop.example",
    "from_name": "Shop",
}


def at_noon() -> datetime:
    """Move business time to a noon that is in nobody's quiet hours, and answer it."""
    clock.set_to(NOON)
    return NOON


def people(
    count: int, *, zone: str = "Europe/Madrid", name: str = "Ada", granted: Sequence[str] = ("email",)
) -> list[Contact]:
    """`count` people with an e-mail and a phone, who allow offers on the `granted` channels."""
    contacts = Contact.objects.bulk_create([Contact(given_name=name, zone=zone) for _ in range(count)])
    for medium, pattern in (("email", "p{}@example.com"), ("phone", "+3460{:07d}")):
        values = [pattern.format(contact.pk) for contact in contacts]
        addresses = Address.objects.bulk_create(
            [Address(medium=medium, value=each, hash=suppression.address_hash(medium, each)) for each in values]
        )
        Identifier.objects.bulk_create(
            [
                Identifier(contact=contact, kind=medium, value=address.value, address=address)
                for contact, address in zip(contacts, addresses, strict=True)
            ]
        )
    for channel in granted:
        for start in range(0, count, 500):
            allow(contacts[start : start + 500], channel)
    return contacts


def allow(contacts: Sequence[Contact], channel: str, purpose: str = "offers", action: str = "granted") -> None:
    consent.record([statement(contact, channel, purpose, action) for contact in contacts], now=clock.now())


def withdraw(contact: Contact, channel: str = "email", purpose: str = "offers") -> None:
    consent.record([statement(contact, channel, purpose, "withdrawn")], now=clock.now())


def statement(contact: Contact, channel: str, purpose: str, action: str) -> consent.Statement:
    return consent.Statement(
        contact_id=contact.pk, purpose=purpose, channel=channel, action=action, basis="consent",
        method="web_form", source="https://shop.example/form", occurred_at=clock.now(),
    )  # fmt: skip


def addresses(contacts: Sequence[Contact], channel: str = "email") -> dict[int, Address]:
    medium = "email" if channel == "email" else "phone"
    rows = Identifier.objects.filter(contact__in=contacts, kind=medium).select_related("address")
    return {row.contact_id: row.address for row in rows if row.address is not None}


def plan(contacts: Sequence[Contact], *, channel: str = "email", run: int = 1000, **given: Any) -> list[Planned]:
    """One message for each, of one step and no campaign; runs are numbered from `run` on."""
    where = addresses(contacts, channel)
    text = LETTER if channel == "email" else {"text": "Hello {{ contact.given_name }}"}
    content_id = given.pop("content_id", None) or content.publish(channel, text)
    return [
        Planned(
            **{
                "contact_id": contact.pk,
                "channel": channel,
                "content_id": content_id,
                "run_id": run + place,
                "step": "e1",
                "entry": "#1",
                "purpose": "offers",
                "address_id": where[contact.pk].pk,
                "address_hash": where[contact.pk].hash,
                **given,
            }
        )
        for place, contact in enumerate(contacts)
    ]


def ask(contacts: Sequence[Contact], **given: Any) -> list[int]:
    """Messages for these people, in the outbox."""
    return enqueue(plan(contacts, **given), clock.now())


def states(ids: Sequence[int] | None = None) -> dict[str, int]:
    """How many messages are in which state."""
    rows = Message.objects.all() if ids is None else Message.objects.filter(pk__in=ids)
    found: dict[str, int] = {}
    for state in rows.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
