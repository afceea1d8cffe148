"""Words for the ways into a journey, and what the chooser of an empty one offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import any_of, joined, span


@dataclass(frozen=True)
class Door:
    """One choice of the chooser: `entry` is what it sets."""

    name: str
    label: Promise
    help: Promise
    icon: str
    entry: Mapping[str, Any]


CHOICES: Final = (
    Door(
        "event",
        _("Something happens"),
        _("A visit, a search, a scan: any event"),
        "bolt",
        {"type": "event", "event": ""},
    ),
    Door(
        "segment",
        _("Somebody joins a segment"),
        _("They begin to match a rule"),
        "users-group",
        {"type": "segment", "segment": "", "mode": "joins"},
    ),
    Door(
        "schedule",
        _("On a date"),
        _("Once, for everybody in a segment"),
        "calendar-event",
        {"type": "schedule", "segment": "", "at": ""},
    ),
    Door("manual", _("By hand or by the API"), _("One person at a time"), "hand-click", {"type": "manual"}),
    Door(
        "card",
        _("A card is given in a store"),
        _("As soon as it is linked"),
        "id-badge-2",
        {"type": "event", "event": "Card Linked"},
    ),
    Door(
        "cart",
        _("A cart is left"),
        _("Quiet for an hour, not bought"),
        "shopping-cart-x",
        {
            "type": "event",
            "event": "Cart Updated",
            "key": "properties.cart_id",
            "debounce": {"value": 1, "unit": "hours"},
            "reentry": "every_key",
        },
    ),
)
REENTRY: Final = {
    "never": _("Once per person"),
    "after_exit": _("Again after the end"),
    "always": _("Again after the end"),
    "every_key": _("Once for each cart or order"),
}
ICONS: Final = {"event": "bolt", "segment": "users-group", "schedule": "calendar-event", "manual": "hand-click"}


def segments(document: Mapping[str, Any]) -> list[str]:
    """The segments that the entries name, as they name them."""
    return [str(each["segment"]) for each in _entries(document) if isinstance(each.get("segment"), str)]


def tell(document: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str, str]:
    """(title, the rest in a line, icon) of the ways in; `names`: segment as named → what it is called."""
    entries = _entries(document)
    if not entries:
        return gettext("Choose how people come in"), "", "door-enter"
    title = any_of([_title(each, names) for each in entries])
    reentry = entries[0].get("reentry", "never")
    again = REENTRY.get(reentry) if isinstance(reentry, str) else gettext("Again after a while")
    cart = entries[0].get("event") in ("Cart Updated", "Cart Emptied")
    icon = "shopping-cart" if cart else ICONS.get(str(entries[0].get("type")), "door-enter")
    rule = gettext("Only those who match a rule") if document.get("eligibility") else ""
    return title, joined(str(again or ""), rule), icon


def _entries(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = document.get("entry")
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _title(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    segment = str(entry.get("segment") or "")
    called = names.get(segment) or segment or "…"
    match entry.get("type"):
        case "event":
            event = str(entry.get("event") or "…")
            if entry.get("debounce"):
                return gettext("%(event)s, then quiet for %(span)s") % {"event": event, "span": span(entry["debounce"])}
            return event
        case "segment" if entry.get("mode") in ("current", "current_and_joins"):
            return gettext("Everybody in “%(segment)s”") % {"segment": called}
        case "segment":
            return gettext("Joins “%(segment)s”") % {"segment": called}
        case "schedule":
            at = str(entry.get("at") or "…").replace("T", " ")
            return gettext("“%(segment)s” on %(at)s") % {"segment": called, "at": at}
    return gettext("By hand or by the API")
