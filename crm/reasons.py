"""Why somebody did not enter, or a message was not sent: every code in plain words.

A code may carry a detail behind it, `provider_reject(550)`; it is shown after the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from crm import regions

NOT_SENT: Final[dict[str, Promise]] = {
    "consent_missing": _("No consent"),
    "consent_withdrawn": _("They said no"),
    "consent_expired": _("Their yes is too old"),
    "consent_unconfirmed": _("Waiting for their yes"),
    "legal_rule": _("A law forbids it"),
    "channel_suppressed_bounce": _("The address does not exist"),
    "channel_suppressed_complaint": _("They reported spam"),
    "channel_suppressed_robinson": _("On a do-not-contact list"),
    "channel_suppressed_invalid": _("The address is not valid"),
    "no_address": _("No address for this channel"),
    "no_device": _("No device"),
    "quiet_hours": _("Quiet hours"),
    "topic_unwanted": _("They can do without this topic"),
    "cap": _("Enough messages this week"),
    "lost_to": _("Another campaign went first"),
    "budget": _("The budget is used up"),
    "holdout_campaign": _("Held out to compare"),
    "holdout_node": _("Held out to compare"),
    "expired": _("Too late to be useful"),
    "throttled_expired": _("Too late to be useful"),
    "duplicate_recipient": _("The same address got it already"),
    "offer_expired": _("The offer is over"),
    "coupon_pool_empty": _("No coupon left"),
    "render_error": _("A value was missing in the text"),
    "lint_block": _("The text did not pass the checks"),
    "template_not_approved": _("The template is not approved"),
    "provider_reject": _("The carrier refused it"),
    "unknown": _("Its fate is unknown"),
    "recalled": _("No longer wanted"),
    "paused": _("The campaign was paused"),
    "contact_removed": _("Archived, restricted or erased"),
    "out_of_stock": _("Out of stock"),
    "no_account": _("No account to send it with"),
}
NOT_ENTERED: Final[dict[str, Promise]] = {
    "eligibility": _("Did not fit who may enter"),
    "reentry_never": _("Was in it before"),
    "reentry_too_soon": _("Was in it too short a time ago"),
    "already_inside": _("Is in it already"),
    "key_seen": _("Was in it for the same thing before"),
    "exclusion_group": _("Is in another campaign of the group"),
    "entry_cap": _("The campaign is full"),
    "paused": _("The campaign was paused"),
    "not_started": _("The campaign had not begun"),
    "ended": _("The campaign had ended"),
    "global_holdout": _("Held out from everything to compare"),
    "merged": _("Was joined with another contact"),
    "erased": _("Was erased"),
    "restricted": _("Is restricted: kept, and not used"),
    "no_trigger": _("Nothing began it for them"),
    "too_old": _("It happened too long before it was told"),
}
WAITING: Final[dict[str, Promise]] = {
    "until": _("Waits for a moment"),
    "event": _("Waits for something they do"),
    "condition": _("Waits for a condition"),
    "slot": _("Waits for a free place"),
    "task": _("Waits for a task"),
    "approval": _("Waits for an approval"),
    "provider": _("Waits for the carrier"),
}
# How a run stands or ended.
RUNS: Final[dict[str, Promise]] = {
    "due": _("About to go on"),
    "waiting": _("Waiting"),
    "in_effect": _("A message is on its way"),
    "held": _("Held: the campaign is paused"),
    "completed": _("Came to the end"),
    "converted": _("Reached the goal"),
    "exited": _("Left early"),
    "dropped": _("Dropped out"),
    "held_out": _("Held out at a step"),
    "stopped": _("The campaign was stopped"),
    "removed": _("Restricted or erased"),
    "error": _("Ended by a mistake"),
}
ALL: Final[dict[str, Promise]] = {**RUNS, **WAITING, **NOT_ENTERED, **NOT_SENT}


def rule(detail: Mapping[str, Any]) -> str:
    """The rule that a detail names, and where it is written: "Texas: 12 to 21 – Tex. Bus. & Com. Code 301.051"."""
    known = regions.rule(str(detail.get("rule") or ""))
    if known is not None:
        return f"{gettext(known.says).rstrip('.')} – {known.source}"
    if detail.get("messages") and not detail.keys().isdisjoint(("calendar", "channel", "purpose")):
        return _limit(detail)
    if detail.get("group"):
        return gettext("group “%(group)s”") % {"group": detail["group"]}
    return ""


def _limit(detail: Mapping[str, Any]) -> str:
    """One of the narrower limits, "2 messages in 1 day of the calendar"."""
    said = ngettext("%(n)d message", "%(n)d messages", int(detail["messages"])) % {"n": detail["messages"]}
    days = int(detail.get("days") or 0)
    if detail.get("calendar"):
        within = ngettext("in %(n)d day of the calendar", "in %(n)d days of the calendar", days) % {"n": days}
    else:
        within = ngettext("in %(n)d day", "in %(n)d days", days) % {"n": days}
    return f"{said} {within}"


def words(code: str, known: Mapping[str, Promise] = ALL) -> str:
    """`consent_missing` → "No consent"; a code nobody knows stands as it is."""
    name, _open, detail = code.partition("(")
    if name not in known:
        return code
    return f"{known[name]} ({detail}" if detail else str(known[name])
