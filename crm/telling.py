"""Events of the timeline in plain words: what happened, in one line, and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm import obstacles, statements
from crm.display import CHANNELS, money
from crm.models import Event

# Channels of events whose name is another one where messages are meant.
SAME: Final = {"mail": "email"}
COLOURS: Final = {name: colour for name, (colour, _drawing, _word) in CHANNELS.items()}
MOST_LINES: Final = 4

STAGES: Final[dict[str, Promise]] = {
    "visitor": pgettext_lazy("stage", "Visitor"),
    "lead": pgettext_lazy("stage", "Lead"),
    "engaged": pgettext_lazy("stage", "Engaged"),
    "considering": pgettext_lazy("stage", "Considering"),
    "first_purchase": pgettext_lazy("stage", "First purchase"),
    "repeat": pgettext_lazy("stage", "Repeat"),
    "loyal": pgettext_lazy("stage", "Loyal"),
    "lapsed": pgettext_lazy("stage", "Lapsed"),
}


@dataclass
class Entry:
    """One line of the timeline. `reason`: the code, where it is a message that was not sent."""

    number: int
    at: datetime
    title: str
    icon: str = "point"
    colour: str = ""
    detail: list[str] = field(default_factory=list)
    campaign: str = ""
    url: str = ""
    step: str = ""
    version: int | None = None
    reason: str = ""
    why: Promise | str = ""
    change: str = ""


def stage(name: str) -> str:
    """A stage's word; one of the workspace's own stands as it is written."""
    return str(STAGES.get(name, name.replace("_", " ").capitalize()))


def channel(name: str) -> str:
    name = SAME.get(name, name)
    return str(CHANNELS[name][2]) if name in CHANNELS else name


def plain(value: Any) -> str:
    """A free field as it stands in its box."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def tell(event: Event, known: Mapping[str, Any]) -> Entry:
    """The entry of an event; `known` is what upper floors say of it (`crm.history.resolvers`)."""
    how = TOLD.get(event.name)
    told = event.properties if isinstance(event.properties, dict) else {}
    entry = Entry(
        event.pk, event.occurred_at, event.name, "point", COLOURS.get(SAME.get(event.channel, event.channel), "")
    )
    entry.campaign, entry.url = str(known.get("campaign") or ""), str(known.get("url") or "")
    entry.step, entry.version = str(known.get("step") or ""), known.get("version")
    if how is not None:
        entry.icon = how.icon
        how.fill(entry, event, told, known)
    else:
        entry.detail = _plain(told)
    return entry


# --- how each is told -------------------------------------------------------------------------


@dataclass(frozen=True)
class How:
    icon: str
    fill: Callable[[Entry, Event, Mapping[str, Any], Mapping[str, Any]], None]


def _words(words: Promise, *names: str) -> Callable[[Entry, Event, Mapping[str, Any], Mapping[str, Any]], None]:
    """A fixed line, with some properties below it."""

    def fill(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        entry.title = str(words)
        entry.detail = [str(told[name]) for name in names if isinstance(told.get(name), str | int) and told[name] != ""]

    return fill


def _message(words: Promise, bare: Promise) -> Callable[[Entry, Event, Mapping[str, Any], Mapping[str, Any]], None]:
    """`words` with the message's channel and title; `bare` when nobody knows its title."""

    def fill(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        title = str(known.get("title") or "")
        said = words if title else bare
        entry.title = str(said) % {"channel": channel(str(told.get("channel") or event.channel)), "title": title}
        if told.get("url"):
            entry.detail.append(str(told["url"]))
        if told.get("machine"):
            entry.detail.append(_("by a machine, not a person"))

    return fill


def _skipped(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    code, via = str(told.get("reason") or "unknown"), str(told.get("channel") or event.channel)
    entry.title = obstacles.sentence(code, channel(via), known.get("detail"))
    entry.reason, entry.why = code, obstacles.why(code)
    entry.change = obstacles.where(code, event.contact_id, entry.url)
    if known.get("title"):
        entry.detail.append(_("“%(title)s”") % {"title": known["title"]})


def _order(words: Promise, key: str) -> Callable[[Entry, Event, Mapping[str, Any], Mapping[str, Any]], None]:
    def fill(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        entry.title = str(words) % {"amount": _amount(told.get(key))}
        entry.detail = _products(told)
        if told.get("order_id"):
            entry.detail.append(_("order %(number)s") % {"number": told["order_id"]})

    return fill


def _cart(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    entry.title = _("Cart of %(amount)s") % {"amount": _amount(told.get("value") or told.get("total"))}
    entry.detail = _products(told)


def _consent(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    action, purpose = str(told.get("action", "")), str(told.get("purpose", ""))
    entry.title = _("%(action)s: %(purpose)s by %(channel)s") % {
        "action": statements.ACTIONS.get(action, action),
        "purpose": statements.PURPOSES.get(purpose, purpose),
        "channel": channel(str(told.get("channel", ""))),
    }
    entry.detail = [event.source] if event.source else []
    try:
        entry.change = reverse("crm:contact-consent", args=[event.contact_id])
    except NoReverseMatch:
        entry.change = ""


def _request(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    kind = str(told.get("kind", ""))
    entry.title = _("Asked: %(what)s") % {"what": statements.REQUESTS.get(kind, kind)}


def _stage(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    after = str(told.get("after") or told.get("stage") or told.get("to") or "")
    entry.title = _("Stage: %(stage)s") % {"stage": stage(after)}


def _product(words: Promise) -> Callable[[Entry, Event, Mapping[str, Any], Mapping[str, Any]], None]:
    def fill(entry: Entry, event: Event, told: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        name = told.get("name") or told.get("title") or told.get("sku") or told.get("product_id") or ""
        entry.title = str(words) % {"product": name}

    return fill


TOLD: Final[dict[str, How]] = {
    "Message Sent": How(
        "send", _message(gettext_lazy("Sent %(channel)s “%(title)s”"), gettext_lazy("Sent: %(channel)s"))
    ),
    "Message Delivered": How(
        "circle-check", _message(gettext_lazy("%(channel)s “%(title)s” arrived"), gettext_lazy("Arrived: %(channel)s"))
    ),
    "Message Opened": How(
        "mail-opened", _message(gettext_lazy("Opened %(channel)s “%(title)s”"), gettext_lazy("Opened: %(channel)s"))
    ),
    "Message Clicked": How(
        "click", _message(gettext_lazy("Clicked in %(channel)s “%(title)s”"), gettext_lazy("Clicked: %(channel)s"))
    ),
    "Message Replied": How(
        "mail-forward",
        _message(gettext_lazy("Replied to %(channel)s “%(title)s”"), gettext_lazy("Replied: %(channel)s")),
    ),
    "Message Bounced": How(
        "mail-x", _message(gettext_lazy("%(channel)s “%(title)s” came back"), gettext_lazy("Came back: %(channel)s"))
    ),
    "Message Complained": How(
        "flag",
        _message(
            gettext_lazy("Reported %(channel)s “%(title)s” as spam"), gettext_lazy("Reported as spam: %(channel)s")
        ),
    ),
    "Message Unsubscribed": How(
        "mail-off",
        _message(gettext_lazy("Left by the link in “%(title)s”"), gettext_lazy("Left by the link of a message")),
    ),
    "Message Skipped": How("message-off", _skipped),
    "Order Completed": How("receipt", _order(gettext_lazy("Bought for %(amount)s"), "total")),
    "Order Refunded": How("receipt-refund", _order(gettext_lazy("Refund of %(amount)s"), "amount")),
    "Order Cancelled": How("receipt-refund", _order(gettext_lazy("Order cancelled"), "total")),
    "Cart Updated": How("shopping-cart", _cart),
    "Cart Emptied": How("shopping-cart-x", _words(gettext_lazy("Emptied the cart"))),
    "Product Viewed": How("eye", _product(gettext_lazy("Looked at %(product)s"))),
    "Product Clicked": How("click", _product(gettext_lazy("Clicked on %(product)s"))),
    "Product Added": How("shopping-cart", _product(gettext_lazy("Put %(product)s into the cart"))),
    "Product Removed": How("shopping-cart-x", _product(gettext_lazy("Took %(product)s out of the cart"))),
    "Products Searched": How("search", _words(gettext_lazy("Searched for products"), "query")),
    "Checkout Started": How("shopping-cart", _words(gettext_lazy("Began to check out"))),
    "Form Submitted": How("forms", _words(gettext_lazy("Sent a form"), "form", "name")),
    "Seat Booked": How("ticket", _words(gettext_lazy("Got a seat"), "form", "place", "date")),
    "Seat Waitlisted": How("hourglass", _words(gettext_lazy("Waits for a seat"), "form", "place", "date")),
    "Seat Cancelled": How("ticket-off", _words(gettext_lazy("Gave the seat back"), "form", "place", "date")),
    "Event Attended": How("user-check", _words(gettext_lazy("Came to the event"), "form", "place", "date")),
    "Store Visited": How("building-store", _words(gettext_lazy("Came to the store"), "store")),
    "Card Scanned": How("credit-card", _words(gettext_lazy("Showed the card"), "store")),
    "Card Linked": How("credit-card", _words(gettext_lazy("Got a card"), "card")),
    "Contact Created": How("user-plus", _words(gettext_lazy("Became a contact"))),
    "Contacts Merged": How("arrows-join-2", _words(gettext_lazy("Was joined with another contact"))),
    "Contacts Separated": How("arrows-split-2", _words(gettext_lazy("Was parted from another contact"))),
    "Processing Restricted": How("hand-stop", _words(gettext_lazy("Their data is kept and not used"), "words")),
    "Processing Resumed": How("player-play", _words(gettext_lazy("Their data is used again"), "words")),
    "Objection Recorded": How("ban", _words(gettext_lazy("Objected to all marketing and profiling"))),
    "Wishes Changed": How("adjustments", _words(gettext_lazy("Chose how often, and about what, we write"))),
    "Rights Requested": How("shield-check", _request),
    "Consent Changed": How("shield-check", _consent),
    "Consent Requested": How("shield-check", _consent),
    "Stage Changed": How("filter", _stage),
    "Stage Requested": How("filter", _stage),
}


def _amount(value: Any) -> str:
    """`{"amount": "42.50", "currency": "EUR"}`, or a number in the workspace's currency."""
    told = value if isinstance(value, Mapping) else {"amount": value}
    try:
        return money(float(told["amount"]), str(told.get("currency") or ""))
    except (KeyError, TypeError, ValueError):
        return "–"


def _products(told: Mapping[str, Any]) -> list[str]:
    lines = told.get("products")
    names = (
        [str(line.get("name") or line.get("sku") or "") for line in lines if isinstance(line, Mapping)]
        if isinstance(lines, list)
        else []
    )
    names = [name for name in names if name]
    more = [_("and %(count)d more") % {"count": len(names) - MOST_LINES}] if len(names) > MOST_LINES else []
    return [", ".join([*names[:MOST_LINES], *more])] if names else []


def _plain(told: Mapping[str, Any]) -> list[str]:
    """The first plain properties of an event of the shop's own."""
    shown = [f"{name}: {value}"[:80] for name, value in told.items() if isinstance(value, str | int | float)]
    return [" · ".join(shown[:MOST_LINES])] if shown else []
