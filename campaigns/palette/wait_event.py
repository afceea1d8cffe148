"""Words for `wait.event`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "wait.event",
    family="wait",
    label=_("Wait for something"),
    help_text=_("Waits until the contact does something, or until it has not happened for as long as you say."),
    icon="ear",
    ports={"timeout": _("In vain")},
)
