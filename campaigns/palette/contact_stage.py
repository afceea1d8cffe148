"""Words for `contact.stage`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("Move to stage %(stage)s") % {"stage": said.text("stage") or "…"}, ""


tile(
    "contact.stage",
    family="change",
    label=_("Move to stage"),
    help_text=_("Asks for the contact to be moved to a stage of the funnel."),
    icon="stairs-up",
    tell=tell,
    words=_("funnel stage move"),
)
