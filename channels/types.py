"""The words between the outbox and the carriers; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What a carrier can say of one network call.

    ACCEPTED: it took the message. RETRY: a definite refusal for now (451, 429, 503 before
    the body was taken). REFUSED: a definite refusal for ever. UNKNOWN: the reply was lost,
    it may or may not have been taken. NOT_STARTED: nothing was written to the wire.
    """

    ACCEPTED = "accepted"
    RETRY = "retry"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Outgoing:
    """One rendered message, ready for the wire. `key` is the idempotency key and Message-ID seed
    (uuid5 of the message id); `body` is by channel (e-mail: subject, html, text, headers, sender)."""

    message_id: int
    key: str
    channel: str
    recipient: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What became of an `Outgoing`. `code`: the carrier's own; `retry_after` in seconds.
    `kept`: the rendering, for the sandbox to store. `address_dead`: the address must be suppressed."""

    outcome: Outcome
    provider_message_id: str = ""
    code: str = ""
    detail: str = ""
    retry_after: float | None = None
    kept: Mapping[str, Any] | None = None
    address_dead: bool = False


@dataclass(frozen=True)
class DeliveryEvent:
    """A provider's later word about a message, translated: delivered, bounced, soft_bounced,
    complained, unsubscribed, opened, clicked, replied."""

    kind: str
    at: datetime
    event_id: str
    provider_message_id: str = ""
    message_id: int | None = None
    machine: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Go:
    """The gate's answer: send it now."""


@dataclass(frozen=True)
class Defer:
    until: datetime
    reason: str
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Refuse:
    reason: str
    detail: Mapping[str, Any] | None = None
    expired: bool = False


Verdict = Go | Defer | Refuse


class Carrier(Protocol):
    """One page per carrier: `channels/providers/<name>.py`. It imports no models."""

    name: str
    channels: tuple[str, ...]
    idempotent: bool

    def open(self) -> None: ...
    def send(self, outgoing: Outgoing) -> Receipt: ...
    def close(self) -> None: ...
