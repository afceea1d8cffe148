"""The vocabulary of the house; pure. Integrators rely on these words (they may grow, not change)."""

from __future__ import annotations

from typing import Final

PURPOSES: Final = ("offers", "newsletter", "loyalty", "service", "profiling", "tracking", "ads", "research")
CHANNELS: Final = ("email", "sms", "whatsapp", "push", "onsite", "ads", "call", "till", "post", "webhook")
EVENT_CHANNELS: Final = (
    "web",
    "app",
    "store",
    "call",
    "mail",
    "sms",
    "whatsapp",
    "social",
    "ads",
    "marketplace",
    "other",
)
MESSAGE_CLASSES: Final = ("marketing", "service", "transactional")
STAGES: Final = (
    "visitor",
    "lead",
    "engaged",
    "considering",
    "first_purchase",
    "repeat",
    "loyal",
    "lapsed",
)

# What a channel's messages are addressed to. A channel that is not here has no address.
MEDIUM: Final = {
    "email": "email",
    "sms": "phone",
    "whatsapp": "phone",
    "call": "phone",
    "push": "push",
    "post": "post",
}

# What people can say (API names), and what only the house writes.
ACTIONS: Final = ("granted", "confirmed", "refused", "withdrawn", "paused")
INNER_ACTIONS: Final = ("requested", "objected", "expired")

BASES: Final = ("consent", "soft_opt_in", "contract", "legitimate_interest", "legal_duty")
METHODS: Final = (
    "web_form",
    "checkbox",
    "doi_email",
    "doi_sms_code",
    "whatsapp_reply",
    "paper_form",
    "verbal_call",
    "pos_screen",
    "api",
    "csv_import",
    "pref_centre",
    "one_click",
    "keyword",
    "complaint",
    "operator",
)

# Purposes that count as marketing: "stop all" ends these.
MARKETING: Final = ("offers", "newsletter", "loyalty", "profiling", "tracking", "ads", "research")
