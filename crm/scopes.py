"""What a key may do, in words: each scope is a permission of `crm.access`."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

WORDS: Final[dict[str, Any]] = {
    "accounts.write": _("Change accounts with carriers"),
    "campaigns.publish": _("Publish campaigns"),
    "campaigns.read": _("Read campaigns and their figures"),
    "campaigns.trigger": _("Start campaigns for people"),
    "campaigns.write": _("Write campaigns"),
    "catalogue.read": _("Read products and stock"),
    "catalogue.write": _("Write products and stock"),
    "consents.read": _("Read who agreed to what"),
    "consents.write": _("Tell who agreed to what"),
    "contacts.read": _("Read people"),
    "contacts.write": _("Add and change people"),
    "events.read": _("Read what people did"),
    "events.write": _("Tell what people did"),
    "imports.write": _("Import files"),
    "keys.write": _("Make and end keys"),
    "kpis.write": _("Set targets"),
    "messages.read": _("Read messages"),
    "office.read": _("Read the lists of the office"),
    "operations.read": _("Read the log of requests"),
    "orders.read": _("Read purchases"),
    "orders.write": _("Tell purchases"),
    "rights.write": _("Copies, limits and erasure of personal data"),
    "segments.read": _("Read segments"),
    "segments.write": _("Write segments"),
    "tills.write": _("Tills and PINs of stores"),
    "users.write": _("Team and roles"),
    "webhooks.write": _("Webhooks"),
    "workspace.write": _("Settings of the workspace"),
}


def words(scope: str) -> Any:
    """`events.write` → "Tell what people did"; a scope of an older version as it is."""
    return WORDS.get(scope, scope)
