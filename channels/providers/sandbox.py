"""The sandbox: nothing leaves; the message is kept to be read in the app as the customer would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from channels.providers.base import Carrier, read, register
from channels.types import Outcome, Outgoing, Receipt
from crm import words


@register
class Sandbox(Carrier):
    name = "sandbox"
    channels = words.CHANNELS
    idempotent = True  # a row per message: keeping it twice is keeping it once

    @classmethod
    def build(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any], *, timeout: float) -> Self:
        del timeout
        read(cls.fields, settings, secrets)
        return cls()

    def send(self, outgoing: Outgoing) -> Receipt:
        body = outgoing.body
        kept = {
            "recipient": outgoing.recipient,
            "subject": body.get("subject", ""),
            "text": body.get("text", ""),
            "html": body.get("html", ""),
            "headers": dict(body.get("headers", {})),
        }
        return Receipt(Outcome.ACCEPTED, provider_message_id=f"sandbox-{outgoing.key}", code="kept", kept=kept)
