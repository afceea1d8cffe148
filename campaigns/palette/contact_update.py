"""Words for `contact.update`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import tile

tile(
    "contact.update",
    family="change",
    label=_("Update contact"),
    help_text=_("Sets, counts up or clears fields of the contact."),
    icon="user-edit",
)
