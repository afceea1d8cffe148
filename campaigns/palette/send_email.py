"""Words for `send.email`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, joined, tile


def tell(said: Said) -> tuple[str, str]:
    subject = said.text("subject")
    title = gettext("E-mail: “%(subject)s”") % {"subject": subject} if subject else gettext("E-mail without a subject")
    return title, joined(said.text("preheader"), said.text("from_name"))


tile(
    "send.email",
    family="send",
    label=_("E-mail"),
    help_text=_("Sends an e-mail and waits until it has left, or it is known why not."),
    icon="mail",
    ports={"sent": _("Sent"), "not_sent": _("Not sent")},
    tell=tell,
    words=_("email mail message newsletter letter"),
    colour="email",
)
