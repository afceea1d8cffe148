"""What templates of all screens share: icons, channels, bars, sparklines, money and moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import clock, display, icons, publicids, reasons
from crm.display import CHANNELS

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    return icons.inline(name, size)


@register.simple_tag
def channel(name: str, form: str = "both") -> SafeString:
    """A channel's chip and word; `form` "icon" hides the word from the eye, not from a screen reader."""
    colour, drawing, word = CHANNELS.get(name, ("", "send", name))
    hidden = "visually-hidden" if form == "icon" else ""
    return format_html(
        '<span class="channel" title="{}"><span class="ch {}">{}</span><span class="{}">{}</span></span>',
        word, colour, icons.inline(drawing), hidden, word,
    )  # fmt: skip


@register.filter
def channel_word(name: str) -> Any:
    return CHANNELS[name][2] if name in CHANNELS else name


@register.simple_tag
def bar(value: float | Decimal | None, most: float | Decimal = 100, tone: str = "") -> SafeString:
    """How far `value` is towards `most`; `tone` "", "ok", "warn" or "bad". Its words stand beside it."""
    share = 0.0 if not value or not most else max(0.0, min(100.0, 100 * float(value) / float(most)))
    return format_html(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-all" width="100" height="6"/><rect class="bar-part" width="{}" height="6"/></svg>',
        tone, f"{share:.2f}",
    )  # fmt: skip


@register.simple_tag
def spark(values: Sequence[float], tone: str = "") -> SafeString:
    """A line of the last values, 84 × 24. Nothing for fewer than two."""
    numbers = [float(value) for value in values]
    if len(numbers) < 2:
        return SafeString("")
    low, high = min(numbers), max(numbers)
    height, step = (high - low) or 1.0, 80 / (len(numbers) - 1)
    places = [(2 + index * step, 21 - 18 * (value - low) / height) for index, value in enumerate(numbers)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return format_html(
        '<svg class="spark {}" viewBox="0 0 84 24" width="84" height="24" aria-hidden="true">'
        '<polyline points="{}" fill="none"/><circle cx="{}" cy="{}" r="2.5"/></svg>',
        tone, line, f"{places[-1][0]:.1f}", f"{places[-1][1]:.1f}",
    )  # fmt: skip


register.filter("money", display.money)
register.filter("count", display.count)
register.filter("share", display.share)


@register.filter
def when(at: datetime | None) -> SafeString:
    """An instant, short: "10:42" today, "Fri 20 Nov 18:31" this year; whole and with its zone on hover."""
    if at is None:
        return SafeString("–")
    local = timezone.localtime(at)
    today = timezone.localtime(clock.now()).date()
    pattern = "H:i" if local.date() == today else "D j N H:i" if local.year == today.year else "j N Y H:i"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"{formats.date_format(local, 'j F Y H:i:s')} {local.tzname()}",
        formats.date_format(local, pattern),
    )


@register.filter
def day(at: datetime | date | None) -> SafeString:
    """A day, short: "20 Nov 2026"."""
    if at is None:
        return SafeString("–")
    local = timezone.localtime(at).date() if isinstance(at, datetime) else at
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), formats.date_format(local, "j N Y"))


@register.filter
def reason(code: str) -> str:
    """`consent_withdrawn` → "Took the consent back"."""
    return reasons.words(code)


@register.filter
def public(number: int | None, prefix: str) -> str:
    """`contact.pk|public:"ctc"` → "ctc_…"."""
    return "" if number is None else publicids.encode(prefix, number)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`mapping[key]` for a key that is a variable; "" when it is not there."""
    try:
        return mapping[key]
    except (KeyError, IndexError, TypeError):
        return ""


@register.simple_tag(takes_context=True)
def may(context: template.Context, permission: str) -> bool:
    """`{% may "segments.write" as can_write %}`"""
    return permission in (context.get("permissions") or frozenset())


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's query with some keys changed; an empty value takes the key out."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value in ("", None):
            query.pop(key, None)
        else:
            query[key] = str(value)
    text = query.urlencode()
    return f"?{text}" if text or not changes else context["request"].path
