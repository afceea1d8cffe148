"""A message of a draft with somebody to look at it with: what its pages, its preview and its test share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from campaigns import wording
from campaigns.models import Campaign
from campaigns.wording import Sending
from channels import content, lint, proof, stand_in
from channels.models import Account
from channels.proof import Proof
from channels.stand_in import Person
from crm import words


@dataclass(frozen=True)
class Desk:
    """`values`: what is true of the person at this moment."""

    campaign: Campaign
    sending: Sending
    person: Person
    values: Mapping[str, Any]
    sure: frozenset[str]
    message_class: str

    @cached_property
    def longest(self) -> Mapping[str, Any]:
        return stand_in.longest(self.values)

    def proof(self, body: Mapping[str, Any] | None = None) -> Proof:
        """The message as it stands, or as it would be with this body."""
        return of(self.sending.channel, self.sending.body if body is None else body, self)


def lay(campaign: Campaign, sending: Sending, contact_id: int, now: datetime) -> Desk:
    """`contact_id` 0: a made-up person."""
    document = campaign.document
    person = stand_in.choose(contact_id, events(document), now)
    values = stand_in.values(person, campaign.pk, campaign.name, now)
    named = document.get("class")
    return Desk(
        campaign, sending, person, values, wording.sure(document),
        named if named in words.MESSAGE_CLASSES else "marketing",
    )  # fmt: skip


def of(channel: str, body: Mapping[str, Any], desk: Desk) -> Proof:
    return proof.read(
        channel, body, desk.values, recipient=desk.person.recipient if channel == "email" else "",
        message_class=desk.message_class, sure=desk.sure, longest=desk.longest if channel == "sms" else None,
    )  # fmt: skip


def wrong(sending: Sending, sure: frozenset[str]) -> int:
    """How many mistakes stand in a message, without rendering it."""
    body = sending.body
    return len(content.problems(sending.channel, body)) + len(lint.problems(sending.channel, body, sure))


def events(document: Mapping[str, Any]) -> list[str]:
    """The events that begin the journey."""
    entries = document.get("entry")
    found = [each.get("event") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    return [each for each in found if isinstance(each, str) and each]


def price(channel: str) -> Decimal:
    """What one message costs (an SMS: one part), by the account that would send it."""
    row = Account.objects.filter(channel=channel, is_default=True).values_list("cost", flat=True).first()
    return row or Decimal(0)
