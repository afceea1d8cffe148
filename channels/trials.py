"""Test messages: somebody here sends a message to themselves, to see it as a customer would.

A path of its own beside the outbox, and much narrower: it goes to the sender's own address alone, so it
asks nobody's permission; it is no row of the outbox, so it counts in no figure, no cap and no report; its
links name no message, so they lead nowhere and stop nothing. See docs/decisions/.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from channels import accounts, content
from channels.models import Account, SandboxMessage, Trial
from channels.types import Outcome, Outgoing, Receipt
from crm import audit, normalise
from crm.errors import Problem
from crm.models import Contact, Identifier, User

MOST_AN_HOUR: Final = 20
MARK: Final = "[Test]"
# The number of no message: the links of a test lead nowhere.
NOBODY: Final = 2**40 - 1


@dataclass(frozen=True)
class _Test:
    """The message of a test, as far as rendering goes: its links name nobody."""

    recipient: str
    id: int = NOBODY
    message_class: str = "marketing"


@dataclass(frozen=True)
class Sent:
    """How it went. `sandbox`: the number under which it is read in the sandbox inbox, or None."""

    trial: Trial
    sandbox: int | None

    @property
    def went(self) -> bool:
        return self.trial.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)


def own_address(user: User, channel: str) -> str:
    """Where tests of this person go: their login address, or the number they used last; "" if none yet."""
    if channel == "email":
        return user.email
    last = Trial.objects.filter(user=user, channel=channel).order_by("-at", "-pk").first()
    return last.recipient if last else ""


def send(
    channel: str, body: Mapping[str, Any], values: Mapping[str, Any], *,
    user: User, phone: str = "", country: str = "", actor: str, now: datetime,
) -> Sent:  # fmt: skip
    """Send these words, filled with these values, to the user. Raises Problem or Problems, RenderError."""
    recipient = user.email if channel == "email" else _own_phone(user, phone or own_address(user, channel), country)
    _spare(user, now)
    written = content.preview(channel, _marked(channel, body), values, _Test(recipient))
    account, carrier = accounts.fresh(channel)
    try:
        receipt = carrier.send(Outgoing(0, str(uuid.uuid4()), channel, recipient, written))
    except Exception as error:  # noqa: BLE001 - a carrier promises not to raise; one that does says nothing
        receipt = Receipt(Outcome.UNKNOWN, detail=type(error).__name__)
    finally:
        carrier.close()
    return _note(user, account, recipient, written, receipt, actor, now)


def _note(
    user: User,
    account: Account,
    recipient: str,
    written: Mapping[str, Any],
    receipt: Receipt,
    actor: str,
    now: datetime,
) -> Sent:
    subject = str(written.get("subject", ""))[:998]
    with transaction.atomic():
        trial = Trial.objects.create(
            user=user, channel=account.channel, recipient=recipient, subject=subject,
            outcome=receipt.outcome.value, detail=receipt.detail.replace("\0", "")[:500], at=now,
        )  # fmt: skip
        kept = None
        if receipt.kept is not None:
            kept = SandboxMessage.objects.create(
                message=None, channel=account.channel, recipient=recipient, subject=subject,
                text=receipt.kept.get("text", ""), html=receipt.kept.get("html", ""),
                headers=dict(receipt.kept.get("headers", {})), at=now,
            ).pk  # fmt: skip
        audit.record(
            actor, "message.test", f"user:{user.pk}", None,
            {"channel": account.channel, "account": account.pk, "outcome": receipt.outcome.value},
        )  # fmt: skip
    return Sent(trial, kept)


def _marked(channel: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Nobody takes it for the real one."""
    field = "subject" if channel == "email" else "text"
    mark = MARK if channel == "email" else "TEST:"
    return {**body, field: f"{mark} {body.get(field, '')}"}


def _own_phone(user: User, text: str, country: str) -> str:
    """A number that is not a customer's: nobody gets a test who did not ask for it."""
    if not text.strip():
        raise Problem("/phone", "required", "Give your own mobile number; tests go there.")
    number = normalise.phone(text, country)
    owners = Identifier.objects.filter(kind="phone", value=number).values("contact_id")
    own = Identifier.objects.filter(kind="email", value=user.email, contact_id__in=owners).values("contact_id")
    if Contact.objects.filter(pk__in=owners).exclude(pk__in=own).exists():
        raise Problem("/phone", "a_customer", "This number belongs to a contact. A test goes to your own number alone.")
    return number


def _spare(user: User, now: datetime) -> None:
    if Trial.objects.filter(user=user, at__gt=now - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise Problem("", "too_many", f"At most {MOST_AN_HOUR} tests an hour; try again later.")
