"""The left navigation: groups of (route, words, icon, permission). What somebody may not use is not shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm import pages
from crm.finding import Hit


@dataclass(frozen=True)
class Item:
    route: str
    words: Any
    icon: str
    permission: str


GROUPS: Final[tuple[tuple[Any, tuple[Item, ...]], ...]] = (
    ("", (Item("home", _("Home"), "home", "office.read"),)),
    (
        _("Plan"),
        (
            Item("campaigns:list", _("Campaigns"), "send", "campaigns.read"),
            Item("crm:forms", _("Forms"), "forms", "campaigns.read"),
            Item("channels:images", _("Pictures"), "photo", "campaigns.read"),
            Item("channels:sandbox", _("Sandbox inbox"), "inbox", "messages.read"),
        ),
    ),
    (
        _("Audience"),
        (
            Item("crm:contacts", _("Contacts"), "users", "office.read"),
            Item("crm:segments", _("Segments"), "filter", "segments.read"),
            Item("crm:imports", _("Imports"), "upload", "imports.write"),
        ),
    ),
)
FOOT: Final[tuple[Item, ...]] = (
    Item("crm:developers", _("Developers"), "code", "keys.write"),
    Item("status", _("Status"), "activity", "operations.read"),
    Item("crm:settings", _("Settings"), "settings", "kpis.write"),
)


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """The navigation as this person sees it, with the place they are at."""
    found = [{"words": words, "entries": _shown(request, items)} for words, items in GROUPS]
    return [group for group in found if group["entries"]]


def foot(request: HttpRequest) -> list[dict[str, Any]]:
    return _shown(request, FOOT)


def _shown(request: HttpRequest, items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """Of two that begin the address of the page, the longer one is where somebody is."""
    shown: list[dict[str, Any]] = []
    for item in items:
        try:
            url = reverse(item.route)
        except NoReverseMatch:
            continue
        if pages.may(request, item.permission):
            shown.append({"url": url, "words": item.words, "icon": item.icon})
    here = max((each["url"] for each in shown if _begins(request.path, each["url"])), key=len, default="")
    return [{**each, "here": each["url"] == here} for each in shown]


def _begins(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)


def hits(request: HttpRequest, text: str) -> list[Hit]:
    """Pages whose name begins with these letters (all, when nothing was typed)."""
    wanted = text.strip().casefold()
    items = [entry for group in groups(request) for entry in group["entries"]] + foot(request)
    return [
        Hit(gettext("Pages"), str(entry["words"]), entry["url"], entry["icon"])
        for entry in items
        if any(word.startswith(wanted) for word in str(entry["words"]).casefold().split())
    ]
