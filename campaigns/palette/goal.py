"""Words for `goal`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "goal",
    family="flow",
    label=_("Goal"),
    help_text=_("Counts the contact as converted."),
    icon="target-arrow",
)
