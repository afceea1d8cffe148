"""Words for `contact.update`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, joined, listed, tile


def tell(said: Said) -> tuple[str, str]:
    changed = [listed(said.config.get(verb)) for verb in ("set", "increment", "append", "remove", "unset")]
    return gettext("Update contact"), joined(*changed) or gettext("Nothing chosen yet")


tile(
    "contact.update",
    family="change",
    label=_("Update contact"),
    help_text=_("Sets, counts up or clears fields of the contact."),
    icon="user-edit",
    tell=tell,
    words=_("set field property tag contact change update"),
)
