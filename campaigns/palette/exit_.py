"""Words for `exit`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "exit",
    family="flow",
    label=_("End"),
    help_text=_("The journey ends here for this contact."),
    icon="door-exit",
)
