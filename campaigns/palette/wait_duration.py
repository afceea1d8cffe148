"""Words for `wait.duration`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "wait.duration",
    family="wait",
    label=_("Wait a while"),
    help_text=_("Waits minutes, hours, days or weeks. A day keeps the time on the contact's clock."),
    icon="hourglass",
)
