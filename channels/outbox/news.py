"""What the outbox tells the timeline: each message that left or ended, with its reason (decision B10).

Always in the transaction that ends the message, so that no run waits for a message that is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from channels import states
from crm import timeline

SENT: Final = "Message Sent"
SKIPPED: Final = "Message Skipped"
# The columns `Ended` is made of, for RETURNING.
COLUMNS: Final = (
    "m.id, m.contact_id, m.campaign_id, m.run_id, m.step, m.channel, m.state, m.reason, m.reason_detail::text"
)

_EVENT_CHANNEL: Final = {"email": "mail", "sms": "sms", "whatsapp": "whatsapp", "call": "call", "ads": "ads"}


@dataclass(frozen=True)
class Ended:
    """A message whose fate is known, as `COLUMNS` returns it."""

    id: int
    contact_id: int
    campaign_id: int | None
    run_id: int | None
    step: str
    channel: str
    state: str
    reason: str
    reason_detail: str | None


def tell(ended: Iterable[Ended], now: datetime) -> None:
    """One event for each message that is not in a queue any more."""
    facts = [_fact(each) for each in ended if each.state not in states.OPEN]
    if facts:
        timeline.record(facts, now=now)


def _fact(message: Ended) -> timeline.NewFact:
    # An unknown one may have gone; the run goes on with that reason, and nobody sends it again.
    sent = message.state in states.SENT and message.state != states.UNKNOWN
    properties: Mapping[str, Any] = {
        "message_id": message.id,
        "run_id": message.run_id,
        "campaign_id": message.campaign_id,
        "step": message.step,
        "channel": message.channel,
    }
    if not sent:
        properties = {**properties, "reason": message.reason or message.state}
    return timeline.NewFact(
        contact_id=message.contact_id,
        name=SENT if sent else SKIPPED,
        properties=properties,
        channel=_EVENT_CHANNEL.get(message.channel, "other"),
        source="outbox",
        campaign_ref=message.campaign_id,
    )
