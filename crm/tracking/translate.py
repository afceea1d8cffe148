"""A message of the SDKs in our words. Pure: `now` and the words of the shop are given.

What the standard names is named so; what it does not know stays in the properties. Of the context
page, referrer, campaign and click ids are kept; addresses of machines and what a browser calls itself
are not, and what it says of consent proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from crm import commerce, intake, normalise
from crm.columns import UNSTORABLE
from crm.errors import Problem
from crm.moments import FUTURE, OLDEST

KINDS: Final = ("identify", "track", "page", "screen", "group", "alias")
LONGEST_NAME: Final = 80
# Events that are told under a name of ours.
PAGE, SCREEN, GROUP, IDENTIFIED = "Page Viewed", "Screen Viewed", "Group Joined", "Identified"
# The names of the first version of the standard, and of ours that shops write otherwise.
OLD: Final = {
    "viewed product": "Product Viewed",
    "clicked product": "Product Clicked",
    "added product": "Product Added",
    "removed product": "Product Removed",
    "viewed product category": "Product List Viewed",
    "viewed cart": "Cart Viewed",
    "viewed checkout step": "Checkout Step Viewed",
    "completed checkout step": "Checkout Step Completed",
    "started order": "Checkout Started",
    "completed order": "Order Completed",
    "updated order": "Order Updated",
    "refunded order": "Order Refunded",
    "cancelled order": "Order Cancelled",
}
NAMES: Final = {**{name.lower(): name for name in commerce.EVENTS}, **OLD}
CHANNELS: Final = {"browser": "web", "client": "web", "web": "web", "mobile": "app", "server": "", "app": "app"}
UTM: Final = {"name": "campaign", "source": "source", "medium": "medium", "term": "term", "content": "content"}
CLICK_IDS: Final = ("gclid", "gbraid", "wbraid", "fbclid", "msclkid", "ttclid", "dclid", "twclid", "li_fat_id", "yclid")
PAGE_PARTS: Final = ("url", "path", "title", "search", "referrer")
NOBODY: Final = frozenset({"", "null", "undefined", "none", "nan", "[object object]"})


class Dropped(Exception):
    """A message that cannot be kept; `code` is for programs, `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


@dataclass(frozen=True)
class Message:
    """`user` and `anonymous` as the sender calls them; `name` empty: nothing happened, it only says who is who."""

    kind: str
    user: str
    anonymous: str
    occurred_at: datetime
    name: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""
    session: str = ""
    channel: str = ""


def read(given: Any, sent_at: Any, now: datetime) -> Message:
    """One message; raises Dropped with the reason."""
    if not isinstance(given, dict):
        raise Dropped("not_an_object", "A message is an object.")
    kind = given.get("type")
    if kind not in KINDS:
        raise Dropped("unknown_type", f"A message is one of {', '.join(KINDS)}.")
    context = _beside(given, "context")
    user, anonymous = _id(given.get("userId"), "userId"), _id(given.get("anonymousId"), "anonymousId")
    if kind == "alias":
        anonymous = _id(given.get("previousId"), "previousId") or anonymous
    if not user and not anonymous:
        raise Dropped("nobody", "A message says who it is about: userId or anonymousId.")
    name, properties = _told(kind, given)
    _refuse_unstorable(properties)
    return Message(
        kind, user, anonymous,
        moment(given, sent_at, now),
        name, properties, _context(context, properties),
        _traits(kind, given, context),
        _text(given.get("messageId"), intake.LONGEST_EVENT_ID - 5),
        _text(context.get("sessionId", context.get("session_id")), intake.MARKS["session"]),
        "app" if kind == "screen" else CHANNELS.get(str(given.get("channel") or context.get("channel") or ""), ""),
    )  # fmt: skip


def _id(given: Any, name: str) -> str:
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise Dropped("wrong_type", f"{name} is text or a number.")
    text = normalise.clean(str(given))
    if len(text) > normalise.LONGEST_ID - 10 or UNSTORABLE.search(text) or any(each < " " for each in text):
        raise Dropped("wrong_type", f"{name} is too long, or has characters that cannot be stored.")
    return "" if text.lower() in NOBODY else text


def _text(given: Any, most: int) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int) or UNSTORABLE.search(str(given)):
        return ""
    return str(given)[:most]


def _beside(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part that says more, where it can be read."""
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def _object(given: Any, name: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise Dropped("wrong_type", f"{name} is an object.")
    return given or {}


# --- what happened ---------------------------------------------------------------------------


def _told(kind: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of the event and its properties; nothing of them is lost."""
    properties = dict(_object(given.get("properties"), "properties"))
    if kind == "track":
        return event_name(given.get("event")), properties
    if kind in ("page", "screen"):
        for part in ("name", "category"):
            if isinstance(given.get(part), str) and given[part]:
                properties.setdefault(part, given[part])
        return (PAGE if kind == "page" else SCREEN), properties
    if kind == "group":
        traits = _object(given.get("traits"), "traits")
        return GROUP, {
            **properties,
            "group_id": _id(given.get("groupId"), "groupId"),
            **({"group": traits} if traits else {}),
        }
    return (IDENTIFIED if kind == "identify" else ""), {}


def event_name(given: Any) -> str:
    """As the standard writes it, whatever the case; other names as they are."""
    if not isinstance(given, str) or not given.strip() or UNSTORABLE.search(given):
        raise Dropped("no_event", "A track says what happened: event is text.")
    name = " ".join(given.split())
    return NAMES.get(re.sub(r"[\s_]+", " ", name).lower(), name)[:LONGEST_NAME].strip()


def _traits(kind: str, given: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """RudderStack says them in the context alone."""
    if kind != "identify":
        return {}
    own = _object(given.get("traits"), "traits")
    beside = context.get("traits")
    traits = {**(beside if isinstance(beside, dict) else {}), **own}
    _refuse_unstorable(traits)
    return traits


def _refuse_unstorable(value: Any) -> None:
    if intake.plain_text(value) is None:
        raise Dropped("not_storable", "There are characters or numbers in it that cannot be stored.")


# --- when ------------------------------------------------------------------------------------


def moment(given: Mapping[str, Any], sent_at: Any, now: datetime) -> datetime:
    """When it happened by our clock: the sender's clocks are wrong, but by the same amount both times."""
    told = _instant(given.get("originalTimestamp")) or _instant(given.get("timestamp"))
    sent = _instant(given.get("sentAt")) or _instant(sent_at)
    if told is None:
        return now
    try:
        found = now - (sent - told) if sent is not None else told
    except OverflowError:
        return now
    if found > now + FUTURE or found < OLDEST + timedelta(days=1):
        return now
    return found


def _instant(given: Any) -> datetime | None:
    if not isinstance(given, str) or len(given) > 40:
        return None
    try:
        found = datetime.fromisoformat(given.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- where -----------------------------------------------------------------------------------


def _context(given: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    page = _beside(given, "page")
    shown = {part: text for part in PAGE_PARTS if (text := _text(page.get(part), 2000))}
    url = shown.get("url") or _text(properties.get("url"), 2000)
    referrer = shown.pop("referrer", "") or _text(properties.get("referrer"), 2000)
    asked = _query(url)
    found: dict[str, Any] = {"page": shown} if shown else {}
    if referrer:
        found["referrer"] = referrer
    utm = _utm(given.get("campaign"), asked)
    if utm:
        found["utm"] = utm
    clicks = {name: asked[name][:500] for name in CLICK_IDS if asked.get(name)}
    beside = given.get("referrer")
    if isinstance(beside, dict) and (text := _text(beside.get("id"), 500)):
        clicks.setdefault(_text(beside.get("type"), 40) or "id", text)
    if clicks:
        found["click_ids"] = clicks
    return found


def _utm(campaign: Any, asked: Mapping[str, str]) -> dict[str, str]:
    told: dict[str, Any] = campaign if isinstance(campaign, dict) else {}
    found = {ours: text for theirs, ours in UTM.items() if (text := _text(told.get(theirs), 200))}
    beside = {ours: asked[f"utm_{ours}"][:200] for ours in UTM.values() if asked.get(f"utm_{ours}")}
    return {**beside, **found}


def _query(url: str) -> dict[str, str]:
    try:
        return {name.lower(): value for name, value in parse_qsl(urlsplit(url).query, max_num_fields=100)}
    except ValueError:
        return {}


def body(message: Message, contact: Mapping[str, str], source: str, event_id: str, currency: str) -> dict[str, Any]:
    """The event as REST would bring it."""
    found: dict[str, Any] = {
        "contact": dict(contact),
        "name": message.name,
        "properties": properties(message, currency),
        "occurred_at": message.occurred_at.isoformat(),
        "source": source,
    }
    if event_id:
        found["event_id"] = event_id
    beside = {"channel": message.channel, "session": message.session, "context": message.context}
    return found | {name: value for name, value in beside.items() if value}


def properties(message: Message, currency: str) -> dict[str, Any]:
    """As they can be kept: where the standard's money or lines cannot be read, as they are, under `_raw`."""
    try:
        shaped = commerce.normalise(message.name, message.properties, currency)
        if message.name in intake.ONE_LINE and shaped.get("cart_id"):
            commerce.line(shaped)
    except Problem:
        return {"_raw": dict(message.properties)}
    return dict(message.properties)
