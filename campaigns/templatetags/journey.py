"""Tags of the journey builder: icons that are drawn once on a page and used many times."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from campaigns import canvas, palette
from campaigns.palette import doors
from crm import icons

register = template.Library()
# An edit changes one step of many: what the others look like is kept.
KEPT: Final = 8_192

OTHERS = (
    "plus", "dots", "alert-triangle", "note", "send", "mail-opened", "pointer", "target", "mail-off", "clock-pause",
    "chevrons-down", "chevron-down", "flag", "info-circle", "door-enter", "shopping-cart", "help",
)  # fmt: skip


@register.simple_tag
def glyph(name: str, size: str = "") -> SafeString:
    """An icon of the page's sprite."""
    return format_html(
        '<svg class="i {}" aria-hidden="true" focusable="false"><use href="#i-{}"></use></svg>', size, name
    )


@register.simple_tag
@cache
def sprite() -> SafeString:
    """All icons that nodes use, drawn once and not shown."""
    names = dict.fromkeys([*OTHERS, *(tile.icon for tile in palette.tiles.values()), *doors.ICONS.values()])
    symbols = (
        icons.inline(name).replace('<svg class="i"', f'<symbol id="i-{name}"').replace("</svg>", "</symbol>")
        for name in names
    )
    # Drawings of the installation, not of users.
    return mark_safe(f'<svg class="visually-hidden" width="0" height="0" aria-hidden="true">{"".join(symbols)}</svg>')  # noqa: S308


@register.simple_tag(takes_context=True)
def card(context: template.Context, node: canvas.Node) -> SafeString:
    """A step on the canvas, without its lanes."""
    return _card(_look_of(context, node), "campaigns/journey/_node.html")


@register.simple_tag(takes_context=True)
def row(context: template.Context, node: canvas.Node) -> SafeString:
    """A step in the outline, without its lanes."""
    return _card(_look_of(context, node), "campaigns/journey/_row.html")


@register.simple_tag(takes_context=True)
def gap(context: template.Context, place: str, title: str = "") -> SafeString:
    """The line between two steps, with the button that adds one."""
    return _gap(place, title, bool(context.get("can")), get_language() or "")


class _Card:
    """What the look of a card depends on, as a key."""

    __slots__ = ("can", "counted", "key", "node")

    def __init__(self, node: canvas.Node, can: Any, counted: Any, language: str) -> None:
        self.node, self.can, self.counted = node, can, counted
        words = node.words
        self.key = (
            node.id, node.kind, node.note, node.faults, node.doubts, node.flows, node.place, node.above,
            len(node.lanes), words.title, words.detail, words.icon, words.tone, can, counted, language,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Card) and self.key == other.key


def _look_of(context: template.Context, node: canvas.Node) -> _Card:
    return _Card(node, bool(context.get("can")), bool(context["campaign"].version_id), get_language() or "")


@lru_cache(maxsize=KEPT)
def _card(of: _Card, name: str) -> SafeString:
    return render_to_string(name, {"node": of.node, "can": of.can, "counted": of.counted})


@lru_cache(maxsize=KEPT)
def _gap(place: str, title: str, can: bool, language: str) -> SafeString:  # noqa: FBT001 - a key of the cache
    del language
    return render_to_string("campaigns/journey/_gap.html", {"place": place, "title": title, "can": can})
