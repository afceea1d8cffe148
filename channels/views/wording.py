"""What purposes and channels are called on pages for customers and in the sandbox."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PURPOSES: Final[dict[str, tuple[Promise, Promise]]] = {
    "offers": (_("Offers"), _("Discounts and news about products you may like")),
    "newsletter": (_("Newsletter"), _("Stories and advice from us")),
    "loyalty": (_("Loyalty programme"), _("Your points, levels and rewards")),
    "service": (_("Service"), _("About things you have bought or asked for")),
    "profiling": (_("Personal suggestions"), _("We choose what to show you by what you have bought and seen")),
    "tracking": (
        _("Measuring opens and clicks"),
        _("We see which of our messages you open and which links you follow"),
    ),
    "ads": (_("Advertising"), _("We ask other sites to show you our advertisements, or not to")),
    "research": (_("Surveys"), _("Questions about how we could do better")),
}

CHANNELS: Final[dict[str, Promise]] = {
    "email": _("E-mail"),
    "sms": _("SMS"),
    "whatsapp": _("WhatsApp"),
    "push": _("App messages"),
    "onsite": _("On our site"),
    "ads": _("Advertisements"),
    "call": _("Telephone"),
    "till": _("In the shop"),
    "post": _("Post"),
    "webhook": _("Webhook"),
}
