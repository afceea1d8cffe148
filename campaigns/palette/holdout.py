"""Words for `holdout`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "holdout",
    family="split",
    label=_("Keep some apart"),
    help_text=_("Keeps some contacts apart from here on, to see what the rest of the journey brings."),
    icon="shield-half",
    ports={"treated": _("Go on"), "held_out": _("Kept apart")},
)
