"""Words for `split.random`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "split.random",
    family="split",
    label=_("Split at random"),
    help_text=_("Deals contacts to lanes by chance. Who was dealt a lane keeps it."),
    icon="dice-3",
)
