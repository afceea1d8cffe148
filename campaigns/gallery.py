"""Ready-made campaigns: what each is for, what data it needs, and whether this workspace has that.

The journeys are the documents of `examples/`, in English; `examples/words/<language>.json` has their
words in other languages by the place where they stand. What customers read is in one language, the
workspace's unless somebody chooses another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import lifecycle
from campaigns.models import Campaign
from campaigns.palette import tiles
from channels.liquid import plain
from crm import publicids
from crm.models import Segment
from crm.segments import edit

EXAMPLES: Final = Path(__file__).parent / "examples"
LANGUAGES: Final = ("en", "es", "ru")
RECENT: Final = timedelta(days=30)
SEGMENT: Final = "SEGMENT"


@dataclass(frozen=True)
class Need:
    """Data that a campaign lives on. `sql` asks whether some is there; `since` is the one parameter it may use."""

    code: str
    words: Promise
    remedy: Promise
    sql: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A ready-made campaign. `segment`: (name, rule) of the segment it writes to, made when it is missing."""

    slug: str
    minutes: int
    needs: tuple[Need, ...]
    segment: tuple[Promise, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Met:
    need: Need
    is_met: bool


EVENT = "SELECT FROM crm_event WHERE name = %s AND occurred_at > %s"
CONSENT = "SELECT FROM crm_consentstate WHERE state IN ('granted', 'soft') AND purpose = %s AND channel = %s"

CARTS = Need(
    "carts",
    gettext_lazy("Carts from the shop in the last 30 days"),
    gettext_lazy("Let the shop send the event Cart Updated."),
    EVENT,
    ("Cart Updated", "since"),
)
ORDERS = Need(
    "orders",
    gettext_lazy("Orders"),
    gettext_lazy("Let the shop or the tills send their orders, or import them."),
    "SELECT FROM crm_order",
)
CARDS = Need(
    "cards",
    gettext_lazy("Customer cards"),
    gettext_lazy("Give out cards, or import their numbers with the contacts."),
    "SELECT FROM crm_identifier WHERE kind = 'card'",
)
OFFERS_BY_MAIL = Need(
    "offers.email",
    gettext_lazy("People who allow offers by e-mail"),
    gettext_lazy("Ask for it at the till and in the shop."),
    CONSENT,
    ("offers", "email"),
)
OFFERS_BY_TEXT = Need(
    "offers.sms",
    gettext_lazy("People who allow offers by SMS"),
    gettext_lazy("Ask for it at the till and in the shop."),
    CONSENT,
    ("offers", "sms"),
)
LOYALTY_BY_MAIL = Need(
    "loyalty.email",
    gettext_lazy("People who allow e-mails about their card"),
    gettext_lazy("Ask for it when the card is given out."),
    CONSENT,
    ("loyalty", "email"),
)

STOPPED_BUYING: Final[Mapping[str, Any]] = {
    "all": [
        {"event": "Order Completed", "did": True, "count": {"op": ">=", "v": 2}},
        {"event": "Order Completed", "did": False, "in_last": {"value": 120, "unit": "days"}},
    ]
}
TEMPLATES: Final = (
    Template("welcome", 8, (CARDS, LOYALTY_BY_MAIL)),
    Template("abandoned_cart", 10, (CARTS, OFFERS_BY_MAIL, OFFERS_BY_TEXT)),
    Template(
        "win_back",
        6,
        (ORDERS, OFFERS_BY_MAIL),
        (gettext_lazy("Bought at least twice, nothing for 120 days"), STOPPED_BUYING),
    ),
    Template("thank_you", 4, (ORDERS,)),
)


def find(slug: str) -> Template | None:
    return next((each for each in TEMPLATES if each.slug == slug), None)


def language_of(wanted: str) -> str:
    """A language that there are words in."""
    short = wanted[:2].lower()
    return short if short in LANGUAGES else "en"


def document(slug: str, language: str) -> dict[str, Any]:
    """The journey of a ready-made campaign with its words in a language."""
    made = deepcopy(_example(slug))
    for pointer, text in _words(language).get(slug, {}).items():
        _put(made, pointer, text)
    return made


@cache
def _example(slug: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{slug}.json").read_text())
    return found


@cache
def _words(language: str) -> dict[str, dict[str, str]]:
    path = EXAMPLES / "words" / f"{language}.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _put(made: dict[str, Any], pointer: str, text: str) -> None:
    *way, last = pointer.split("/")[1:]
    here: Any = made
    for word in way:
        here = here[int(word)] if isinstance(here, list) else here[word]
    here[last] = text


def start(slug: str, language: str, actor: str, now: datetime, owner_id: int | None = None) -> Campaign:
    """A draft of a ready-made campaign; the segment it writes to is found by its rule, or made."""
    template = find(slug)
    if template is None:
        raise LookupError(slug)
    made = document(slug, language)
    if template.segment:
        name, rule = template.segment
        segment = Segment.objects.filter(archived_at=None, rule=rule).order_by("pk").first()
        segment = segment or edit.create(str(name), dict(rule), actor=actor, now=now)
        made["entry"][0]["segment"] = publicids.encode("seg", segment.pk)
    return lifecycle.begin(made, actor, now, owner_id)


def start_empty(actor: str, now: datetime, owner_id: int | None = None) -> Campaign:
    """A draft with nothing in it yet but what the law and the house want of each."""
    empty = {"name": _("New campaign"), "purpose": "offers", "class": "marketing", "entry": [], "steps": []}
    return lifecycle.begin(empty, actor, now, owner_id)


def met(templates: Sequence[Template], now: datetime) -> dict[str, list[Met]]:
    """Slug -> its needs and whether there is such data here. One query for all."""
    needs = list({need.code: need for template in templates for need in template.needs}.values())
    columns = ", ".join(f"EXISTS ({need.sql})" for need in needs)
    params = [now - RECENT if each == "since" else each for need in needs for each in need.params]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}", params)
        there = dict(zip((need.code for need in needs), cursor.fetchone(), strict=True))
    return {each.slug: [Met(need, there[need.code]) for need in each.needs] for each in templates}


# --- a journey as a mini tree ------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A step as a gallery draws it: `lanes` are (label, nodes)."""

    icon: str
    channel: str
    words: str
    lanes: tuple[tuple[str, tuple[Node, ...]], ...] = ()


def tree(made: Mapping[str, Any]) -> tuple[Node, ...]:
    """The steps of a document, small."""
    return tuple(_node(step) for step in made.get("steps", []))


def _node(step: Mapping[str, Any]) -> Node:
    tile = tiles[step["type"]]
    kind, config = step["type"], step.get("config", {})
    channel = kind.removeprefix("send.") if kind.startswith("send.") else ""
    words = str(step.get("label") or config.get("subject") or "") if channel else _said(kind, config)
    lanes = tuple(
        (_lane(str(lane["label"]), tile.ports), tuple(_node(inner) for inner in lane.get("steps", [])))
        for lane in step.get("lanes", [])
    )
    return Node(tile.icon, channel, plain(words) or str(tile.label), lanes)


def _said(kind: str, config: Mapping[str, Any]) -> str:
    if kind == "wait.duration":
        return span(config.get("value", 0), str(config.get("unit", "")))
    if kind == "wait.until_time" and "window" in config:
        return f"{config['window'].get('from')}–{config['window'].get('to')}"
    return str(config.get("note", "")) if kind == "exit" else ""


def _lane(label: str, ports: Mapping[str, Promise]) -> str:
    return str(ports[label]) if label in ports else label


def span(value: int, unit: str) -> str:
    """`2 days` in the reader's language."""
    if unit == "minutes":
        return ngettext("%(n)d minute", "%(n)d minutes", value) % {"n": value}
    if unit == "hours":
        return ngettext("%(n)d hour", "%(n)d hours", value) % {"n": value}
    if unit == "weeks":
        return ngettext("%(n)d week", "%(n)d weeks", value) % {"n": value}
    return ngettext("%(n)d day", "%(n)d days", value) % {"n": value}


def entrance(made: Mapping[str, Any]) -> str:
    """How people come in, in a few words."""
    entry = made["entry"][0]
    if entry["type"] == "event":
        return _("When: %(event)s") % {"event": entry["event"]}
    if entry["type"] == "manual":
        return _("By hand")
    return _("Who is in a segment")
