"""Words for `goal`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("Goal reached"), gettext("The journey ends here") if said.config.get("exit") is True else ""


tile(
    "goal",
    family="flow",
    label=_("Goal"),
    help_text=_("Counts the contact as converted."),
    icon="target-arrow",
    tell=tell,
    words=_("goal conversion success converted"),
    colour="goal",
)
