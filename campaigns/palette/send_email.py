"""Words for `send.email`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "send.email",
    family="send",
    label=_("E-mail"),
    help_text=_("Sends an e-mail and waits until it has left, or it is known why not."),
    icon="mail",
    ports={"sent": _("Sent"), "not_sent": _("Not sent")},
)
