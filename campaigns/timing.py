"""When something happens at a step, in words, with an example by a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import terms
from campaigns.palette.base import span as span_words
from campaigns.reading import Notes, Reader
from campaigns.steps.wait_until_time import WaitUntilTime
from channels import gate, limits
from crm import moments, workspace

EXAMPLE: Final = "example"


@dataclass(frozen=True)
class Line:
    """`settings`: it is decided in the settings of the workspace; `tone` "" or "example"."""

    words: str
    icon: str = "clock"
    settings: bool = False
    tone: str = ""


def clock_words(at: datetime, zone: str) -> str:
    """ "Tue 24 Nov 09:00" by the clock of a zone."""
    return str(formats.date_format(at.astimezone(ZoneInfo(zone)), "D j M H:i"))


def lines(step: Mapping[str, Any], settings: terms.Terms, now: datetime) -> list[Line]:
    """What there is to say of a step."""
    kind = str(step.get("type"))
    config = step.get("config")
    known = config if isinstance(config, dict) else {}
    zone = workspace.current().zone
    if kind.startswith("send."):
        return _sending(kind.removeprefix("send."), known, settings, now, zone)
    tell = {"wait.duration": _duration, "wait.until_time": _until, "wait.event": _event}.get(kind)
    if tell is None:
        return [Line(_("It takes no time: people go straight on."), "arrow-down")]
    return tell(known, now, zone)


def _leaves(until: datetime, zone: str) -> Line:
    return Line(
        _("Somebody who arrives now goes on %(when)s (%(zone)s).") % {"when": clock_words(until, zone), "zone": zone},
        "calendar-event", tone=EXAMPLE,
    )  # fmt: skip


def _span(value: Any) -> tuple[int, str] | None:
    if not isinstance(value, Mapping):
        return None
    number, unit = value.get("value"), value.get("unit")
    return (number, unit) if type(number) is int and 0 < number < 10_000 and unit in moments.UNITS else None


def _duration(known: Mapping[str, Any], now: datetime, zone: str) -> list[Line]:
    span = _span(known)
    if span is None:
        return []
    days = span[1] in ("days", "weeks")
    words = (
        _("A day keeps the time on the contact's clock.") if days else _("Counted exactly, whatever the clock says.")
    )
    return [
        Line(_("Everybody waits %(span)s from when they arrive.") % {"span": span_words(known)}, "hourglass"),
        Line(words), _leaves(moments.add(now, *span, zone), zone),
    ]  # fmt: skip


def _until(known: Mapping[str, Any], now: datetime, zone: str) -> list[Line]:
    notes = Notes()
    step = WaitUntilTime.parse(Reader(dict(known), "", notes, ""), ())
    if notes.problems:
        return []
    whose = (
        _("Each by their own clock.") if step.zone == "contact" else _("All by our clock (%(zone)s).") % {"zone": zone}
    )
    found = [Line(whose)]
    if step.window and step.at is None and step.window[0] != step.window[1]:
        found.append(Line(_("Who arrives inside the window goes on at once."), "arrow-down"))
    return [*found, _leaves(moments.next_local(now, zone, step.at, step.weekdays, step.window), zone)]


def _event(known: Mapping[str, Any], now: datetime, zone: str) -> list[Line]:
    span = _span(known.get("timeout"))
    found = [Line(_("People go on as soon as it happens."), "bolt")]
    if known.get("lookback", "since_rest") == "since_rest":
        found.append(Line(_("What happened since their last wait counts at once."), "history"))
    if span is None:
        return found
    until = moments.add(now, *span, zone)
    return [
        *found,
        Line(_("After %(span)s in vain they go on.") % {"span": span_words(known.get("timeout"))}, "hourglass"),
        _leaves(until, zone),
    ]


def _sending(channel: str, known: Mapping[str, Any], settings: terms.Terms, now: datetime, zone: str) -> list[Line]:
    found = [Line(_("It goes out as soon as somebody comes here."), "send")]
    found += sending_limits(channel, settings, now, zone)
    if known.get("when_quiet") in (gate.SKIP, gate.OTHER_CHANNEL) and settings.message_class == gate.MARKETING:
        found.append(Line(_("In quiet hours it does not wait: they go on by the lane “not sent”."), "moon"))
    span = known.get("send_expiry")
    useful = span_words(span) if _span(span) else span_words(
        {"value": settings.send_expiry.value, "unit": settings.send_expiry.unit}
    )  # fmt: skip
    found.append(Line(_("What could not go out within %(span)s is not sent any more.") % {"span": useful}, "hourglass"))
    return found


def sending_limits(channel: str, settings: terms.Terms, now: datetime, zone: str) -> list[Line]:
    """Quiet hours and the limit of messages that hold for this campaign's messages."""
    if settings.message_class != gate.MARKETING:
        return [Line(_("Quiet hours and the limit of messages do not hold: it is no marketing."), "info-circle")]
    house = limits.house()
    opens, closes = f"{house.quiet_from:%H:%M}", f"{house.quiet_until:%H:%M}"
    found = []
    if channel in gate.INTRUDES and house.quiet_from != house.quiet_until:
        found.append(Line(
            _("Quiet hours %(from)s to %(until)s by the contact's clock: it waits until they are over.")
            % {"from": opens, "until": closes}, "moon", settings=True,
        ))  # fmt: skip
        until = moments.quiet_end(now, zone, house.quiet_from, house.quiet_until)
        if until:
            found.append(Line(
                _("It is quiet now: what is due goes out %(when)s (%(zone)s).")
                % {"when": clock_words(until, zone), "zone": zone}, "moon", tone=EXAMPLE,
            ))  # fmt: skip
    if house.cap is not None:
        found.append(Line(_limit(house, house.cap), "messages", settings=True))
    return found


def _limit(house: gate.House, most: int) -> str:
    counted = ngettext("%(n)d marketing message", "%(n)d marketing messages", most) % {"n": most}
    within = ngettext("%(n)d day", "%(n)d days", house.cap_days) % {"n": house.cap_days}
    return _("At most %(messages)s in %(days)s for each person, from all campaigns together.") % {
        "messages": counted, "days": within,
    }  # fmt: skip
