"""What somebody typed into a message, as the config of its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from campaigns.wording import Sending
from channels import plaintext
from channels.kinds import sms

ONE_LINE: Final[dict[str, tuple[str, ...]]] = {
    "email": ("subject", "preheader", "from_name", "from_address", "reply_to"),
    "sms": ("sender",),
}
LONG: Final[dict[str, tuple[str, ...]]] = {"email": ("html", "text"), "sms": ("text",)}
# Fields that stay in the draft although they are empty: their lack is a mistake that names them.
_LONGEST: Final = 500_000


def config(sending: Sending, said: Mapping[str, Any]) -> dict[str, Any]:
    """The whole config with what was said: fields that were not sent stay, empty ones go."""
    made = dict(sending.config)
    for name in (*ONE_LINE[sending.channel], *LONG[sending.channel]):
        if name in said:
            made[name] = clean(str(said[name]), one_line=name in ONE_LINE[sending.channel])
            if not made[name].strip():
                del made[name]
    if said.get("whole"):  # an unticked box is not sent: only the whole form says anything about it
        made["require_stock"] = bool(said.get("require_stock"))
        if not made["require_stock"]:
            del made["require_stock"]
    return _done(sending.channel, made, said)


def _done(channel: str, made: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a button of the form asked for, beside saving."""
    if channel == "email" and said.get("make_text"):
        made["text"] = plaintext.from_html(str(made.get("html", "")))
    if channel == "sms" and said.get("plain"):
        made["text"] = sms.plain(str(made.get("text", "")))
    return made


def clean(text: str, *, one_line: bool) -> str:
    text = text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return " ".join(text.split("\n")).strip() if one_line else text
