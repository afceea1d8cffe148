"""Words for `wait.until_time`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "wait.until_time",
    family="wait",
    label=_("Wait until a time"),
    help_text=_("Waits for a time of day, on the weekdays you choose, on the contact's clock or yours."),
    icon="clock-hour-9",
)
