"""What people say about being written to, in words: what for, what, how, and on what ground."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

PURPOSES: Final[dict[str, Promise]] = {
    "offers": pgettext_lazy("purpose", "Offers"),
    "newsletter": pgettext_lazy("purpose", "Newsletter"),
    "loyalty": pgettext_lazy("purpose", "Loyalty programme"),
    "service": pgettext_lazy("purpose", "Service"),
    "profiling": pgettext_lazy("purpose", "Offers from my purchases"),
    "tracking": pgettext_lazy("purpose", "Opens and clicks"),
    "ads": pgettext_lazy("purpose", "Ads audiences"),
    "research": pgettext_lazy("purpose", "Research"),
}
# What people may ask of us about their data.
REQUESTS: Final[dict[str, Promise]] = {
    "access": gettext_lazy("a copy of their data"),
    "correction": gettext_lazy("to correct their data"),
    "restriction": gettext_lazy("to limit the use of their data"),
    "objection": gettext_lazy("to stop all advertising"),
    "erasure": gettext_lazy("to delete their data"),
}
ACTIONS: Final[dict[str, Promise]] = {
    "granted": gettext_lazy("Said yes"),
    "confirmed": gettext_lazy("Confirmed their yes"),
    "refused": gettext_lazy("Said no"),
    "withdrawn": gettext_lazy("Took their yes back"),
    "paused": gettext_lazy("Paused"),
    "requested": gettext_lazy("Asked to confirm"),
    "objected": gettext_lazy("Objected to all offers"),
    "expired": gettext_lazy("Permission ran out"),
}
METHODS: Final[dict[str, Promise]] = {
    "web_form": gettext_lazy("Form on a site"),
    "checkbox": gettext_lazy("Box ticked on a site"),
    "doi_email": gettext_lazy("Link in a mail"),
    "doi_sms_code": gettext_lazy("Code by SMS"),
    "whatsapp_reply": gettext_lazy("Answer on WhatsApp"),
    "paper_form": gettext_lazy("Paper form"),
    "verbal_call": gettext_lazy("Said on the phone"),
    "pos_screen": gettext_lazy("Screen at the till"),
    "api": gettext_lazy("Another system"),
    "csv_import": gettext_lazy("Import"),
    "pref_centre": gettext_lazy("Their preference page"),
    "one_click": gettext_lazy("Unsubscribe link"),
    "keyword": gettext_lazy("Answer STOP"),
    "complaint": gettext_lazy("Reported as spam"),
    "operator": gettext_lazy("Told to somebody here"),
}
BASES: Final[dict[str, Promise]] = {
    "consent": gettext_lazy("their consent"),
    "soft_opt_in": gettext_lazy("customer of similar products"),
    "contract": gettext_lazy("a contract"),
    "legitimate_interest": gettext_lazy("a legitimate interest"),
    "legal_duty": gettext_lazy("a legal duty"),
}
