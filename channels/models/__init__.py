"""Tables of sending, by idea. Models import their siblings by file."""

from channels.models.account import Account
from channels.models.content import Content, Link
from channels.models.inbox import Inbound, SandboxMessage
from channels.models.message import Attempt, Message

__all__ = ["Account", "Attempt", "Content", "Inbound", "Link", "Message", "SandboxMessage"]
