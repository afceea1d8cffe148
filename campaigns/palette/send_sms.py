"""Words for `send.sms`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("SMS"), said.text("text") or gettext("No text yet")


tile(
    "send.sms",
    family="send",
    label=_("SMS"),
    help_text=_("Sends a text message and waits until it has left, or it is known why not."),
    icon="message-2",
    ports={"sent": _("Sent"), "not_sent": _("Not sent")},
    tell=tell,
    words=_("sms text message phone"),
    colour="sms",
)
