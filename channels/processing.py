"""Who gets data through this floor: the carriers of the accounts that are in use."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels.models import Account
from crm.display import CHANNELS
from crm.processing import Recipient

# Settings in which a carrier says where it is.
PLACES: Final = ("host", "url", "base_url", "endpoint")


def recipients() -> list[Recipient]:
    return [
        Recipient(
            str(CHANNELS[each.channel][2]) if each.channel in CHANNELS else each.channel,
            each.name,
            each.carrier,
            _("nowhere: it stays here") if each.carrier == "sandbox" else place(each.settings),
            _("Address, and the words of the message"),
        )
        for each in Account.objects.filter(active=True).order_by("channel", "name", "pk")
    ]


def place(settings: dict[str, Any]) -> str:
    """The host, and nothing of the path or the credentials."""
    told = next((str(settings[name]) for name in PLACES if settings.get(name)), "")
    return (urlsplit(told).hostname if "//" in told else told) or _("not said")
