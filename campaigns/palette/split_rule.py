"""Words for `split.rule`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "split.rule",
    family="split",
    label=_("Split by rule"),
    help_text=_("Each contact goes by the first lane whose rule holds."),
    icon="arrows-split",
    ports={"else": _("All others")},
)
