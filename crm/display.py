"""How things are shown: a channel by its colour, icon and word; money and numbers as the reader's language has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from babel.core import Locale
from babel.numbers import format_currency, format_decimal
from django.utils import formats
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from crm import workspace

# Channel → (class of its colour, icon, word). A channel is always icon and word, never colour alone.
CHANNELS: Final = {
    "email": ("email", "mail", _("E-mail")),
    "sms": ("sms", "message-2", _("SMS")),
    "whatsapp": ("wa", "brand-whatsapp", _("WhatsApp")),
    "push": ("push", "bell", _("Push")),
    "onsite": ("site", "browser", _("On the site")),
    "store": ("store", "building-store", _("Store")),
    "till": ("store", "building-store", _("Till")),
    "call": ("call", "phone-call", _("Call")),
    "ads": ("ads", "speakerphone", _("Ads")),
    "post": ("post", "mailbox", _("Post")),
    "web": ("site", "world", _("Web")),
}


def locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))


def money(amount: Decimal | float | None, currency: str = "") -> str:
    """`42.5` → "€42.50" as the reader's language writes it; in the workspace's currency unless given."""
    if amount is None:
        return "–"
    return str(format_currency(amount, currency or workspace.current().currency, locale=locale()))


def count(number: float | Decimal | None) -> str:
    """`31906` → "31,906" as the reader's language writes it."""
    return "–" if number is None else str(format_decimal(number, locale=locale()))


def share(part: float | None, decimals: int = 0) -> str:
    """`0.342` → "34 %"; "–" for nothing."""
    return "–" if part is None else f"{formats.number_format(100 * part, decimals)} %"
