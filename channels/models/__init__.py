"""Tables of sending, by idea. Models import their siblings by file."""

from channels.models.account import Account
from channels.models.confirmation import ConfirmationWords
from channels.models.content import Content, Link
from channels.models.image import Image
from channels.models.inbox import Inbound, SandboxMessage
from channels.models.message import Attempt, Message
from channels.models.sender import SenderDomain
from channels.models.trial import Trial
from channels.models.webhook import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Account",
    "Attempt",
    "ConfirmationWords",
    "Content",
    "Image",
    "Inbound",
    "Link",
    "Message",
    "SandboxMessage",
    "SenderDomain",
    "Trial",
    "WebhookDelivery",
    "WebhookEndpoint",
]
