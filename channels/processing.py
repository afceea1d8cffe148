"""Who gets data through this floor: the carriers of the accounts that are in use, and integrators that listen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from channels import accounts
from channels.models import Account, WebhookEndpoint
from crm.display import CHANNELS
from crm.processing import Recipient

# Settings in which a carrier says where it is.
PLACES: Final = ("host", "url", "base_url", "endpoint")


def recipients() -> list[Recipient]:
    """By what really happens: an account that follows the environment sends where the environment says."""
    carriers = sorted(accounts.in_use(), key=lambda row: (row.channel, row.name, row.pk or 0))
    hooks = WebhookEndpoint.objects.filter(active=True, removed_at=None).order_by("pk")
    return [*(_recipient(row) for row in carriers), *(_endpoint(row) for row in hooks)]


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


def _endpoint(row: WebhookEndpoint) -> Recipient:
    return Recipient(
        _("Webhook"), row.name, _("a server of an integrator"), place({"url": row.url}),
        _("Numbers of people, messages and campaigns, and what happened (%(kinds)s)") % {"kinds": ", ".join(row.kinds)},
    )  # fmt: skip
