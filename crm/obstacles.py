"""What stood in the way of a message, for the person who asks why: the rule, and where it can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import reasons

# Where it can be changed: the page of the person's consent, the workspace's rules, the campaign, the person.
CONSENT, SETTINGS, CAMPAIGN, PERSON = "consent", "settings", "campaign", "person"

RULES: Final[dict[str, tuple[Promise, str]]] = {
    "consent_missing": (
        gettext_lazy("Offers on this channel need a yes, and nobody has asked this person yet."),
        CONSENT,
    ),
    "consent_withdrawn": (
        gettext_lazy("They refused or took their yes back. Only a new yes of theirs changes that."),
        CONSENT,
    ),
    "consent_expired": (gettext_lazy("Their permission had an end date, and it has passed. Ask them again."), CONSENT),
    "consent_unconfirmed": (gettext_lazy("They signed up but have not confirmed the address yet."), CONSENT),
    "legal_rule": (gettext_lazy("A rule of the person's country stood in the way."), SETTINGS),
    "channel_suppressed_bounce": (
        gettext_lazy("An earlier message came back, so nothing is sent to this address any more."),
        CONSENT,
    ),
    "channel_suppressed_complaint": (
        gettext_lazy("They marked an earlier message as spam, so nothing is sent to this address any more."),
        CONSENT,
    ),
    "channel_suppressed_robinson": (
        gettext_lazy("The address stands on a list of people who must not be written to."),
        CONSENT,
    ),
    "channel_suppressed_invalid": (gettext_lazy("Messages cannot be delivered to this address."), PERSON),
    "no_address": (gettext_lazy("No e-mail address or phone is known for this channel."), PERSON),
    "no_device": (gettext_lazy("No app or browser of theirs takes push messages."), PERSON),
    "contact_removed": (gettext_lazy("Nothing is sent to people who are archived, restricted or erased."), PERSON),
    "out_of_stock": (gettext_lazy("The product was sold out, and the step asks for stock."), CAMPAIGN),
    "quiet_hours": (gettext_lazy("It would have come at night, and expired before the morning."), SETTINGS),
    "cap": (
        gettext_lazy("They had reached the limit of messages, and this one expired before the next free moment."),
        SETTINGS,
    ),
    "topic_unwanted": (
        gettext_lazy("They said on their preference page that they can do without this topic."),
        CONSENT,
    ),
    "lost_to": (gettext_lazy("A campaign with a higher priority took the free place."), CAMPAIGN),
    "budget": (gettext_lazy("The campaign has spent what it may."), CAMPAIGN),
    "holdout_campaign": (
        gettext_lazy("They are in the control group, which gets nothing, so that the effect can be measured."),
        CAMPAIGN,
    ),
    "holdout_node": (gettext_lazy("They are in the control group of this step, which gets nothing."), CAMPAIGN),
    "expired": (
        gettext_lazy("It could not be sent before the moment from which it would have made no sense."),
        CAMPAIGN,
    ),
    "throttled_expired": (
        gettext_lazy("The carrier takes only so many messages at a time; its turn came too late."),
        CAMPAIGN,
    ),
    "duplicate_recipient": (gettext_lazy("Another contact with the same address got this message."), PERSON),
    "offer_expired": (gettext_lazy("The offer had ended."), CAMPAIGN),
    "coupon_pool_empty": (gettext_lazy("All codes of the coupon have been given out."), CAMPAIGN),
    "render_error": (gettext_lazy("The text uses a value this person does not have. Give it a fallback."), CAMPAIGN),
    "lint_block": (gettext_lazy("The message breaks a rule every message must keep."), CAMPAIGN),
    "template_not_approved": (gettext_lazy("The carrier has not approved the text."), CAMPAIGN),
    "provider_reject": (gettext_lazy("The company that carries it would not take the message."), ""),
    "unknown": (
        gettext_lazy("The connection broke while it was handed over: it may have arrived, so it is not sent again."),
        "",
    ),
    "recalled": (
        gettext_lazy("The journey had ended for them, or its campaign was stopped: they bought, left, or moved on."),
        CAMPAIGN,
    ),
    "paused": (gettext_lazy("The campaign was paused."), CAMPAIGN),
}
OTHER: Final = gettext_lazy("The carrier or the message had a problem.")


def sentence(code: str, channel: str = "", detail: Mapping[str, Any] | None = None) -> str:
    """ "SMS not sent: No consent", with the day since when that holds, where it is known.

    `channel` is its word.
    """
    reason = reasons.words(code, reasons.NOT_SENT)
    since = _day((detail or {}).get("since"))
    if since:
        reason = _("%(reason)s since %(day)s") % {"reason": reason, "day": since}
    rule = reasons.rule(detail or {})
    if rule:
        reason = f"{reason} ({rule})"
    if channel:
        return _("%(channel)s not sent: %(reason)s") % {"channel": channel, "reason": reason}
    return _("Not sent: %(reason)s") % {"reason": reason}


def why(code: str) -> Promise:
    """What the rule is."""
    return RULES.get(code.partition("(")[0], (OTHER, ""))[0]


def where(code: str, contact_id: int, campaign_url: str = "") -> str:
    """The page on which it can be changed; "" where there is none."""
    place = RULES.get(code.partition("(")[0], (OTHER, ""))[1]
    if place == CAMPAIGN:
        return campaign_url
    try:
        if place == SETTINGS:
            return reverse("channels:sending")
        if place:
            return reverse("crm:contact-consent" if place == CONSENT else "crm:contact-edit", args=[contact_id])
    except NoReverseMatch:
        return ""
    return ""


def _day(value: Any) -> str:
    at = parse_datetime(value) if isinstance(value, str) else value
    if not isinstance(at, datetime):
        return ""
    return str(formats.date_format(timezone.localtime(at), "j N Y"))
