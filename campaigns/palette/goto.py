"""Words for `goto`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "goto",
    family="flow",
    label=_("Go to"),
    help_text=_("Goes back to another step, as many times as you allow."),
    icon="arrow-back-up",
    ports={"jump": _("Once more"), "next": _("Enough")},
)
