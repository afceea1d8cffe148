"""Who gets data through this floor: the carriers of the accounts that are in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels import accounts
from channels.models import Account
from crm.display import CHANNELS
from crm.processing import Recipient

# Settings in which a carrier says where it is.
PLACES: Final = ("host", "url", "base_url", "endpoint")


def recipients() -> list[Recipient]:
    """By what really happens: an account that follows the environment sends where the environment says."""
    return [_recipient(row) for row in sorted(accounts.in_use(), key=lambda row: (row.channel, row.name, row.pk or 0))]


def place(settings: Mapping[str, Any]) -> str:
    """The host, and nothing of the path or the credentials."""
    told = next((str(settings[name]) for name in PLACES if settings.get(name)), "")
    return (urlsplit(told).hostname if "//" in told else told) or _("not said")


def _recipient(row: Account) -> Recipient:
    carrier, settings = accounts.destination(row)
    return Recipient(
        str(CHANNELS[row.channel][2]) if row.channel in CHANNELS else row.channel,
        row.name,
        carrier,
        _("nowhere: it stays here") if carrier == "sandbox" else place(settings),
        _("Address, and the words of the message"),
        leaves=carrier != "sandbox",
    )
