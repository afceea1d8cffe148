"""Waits for a while, and until a time of day."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from campaigns.forms.steps.base import Doc, Field, Part, Room, Typed, config, set_or_drop, sheet, span_field, text_of
from campaigns.palette.wait_until_time import WEEKDAYS

MODES: Final = ("at", "window", "weekdays")


def show_duration(step: Doc, room: Room) -> list[Part]:
    return [
        Part(
            [
                span_field(
                    "span",
                    _("How long"),
                    config(step),
                    "config/value",
                    help=_("A day keeps the time on the contact's clock; 24 hours are 24 hours."),
                )
            ]
        )
    ]


def read_duration(step: Doc, typed: Typed, room: Room) -> Doc:
    span = typed.span("span")
    if span is None and not typed.wrong:
        typed.refuse("span", _("Say how long."))
    return {**step, "config": span or config(step)}


def show_until(step: Doc, room: Room) -> list[Part]:
    known = config(step)
    window = known.get("window")
    window = window if isinstance(window, dict) else {}
    mode = "window" if window else "at" if "at" in known or "weekdays" not in known else "weekdays"
    times = {
        "at": [Field("at", _("Time"), text_of(known, "at"), "time", place="config/at", short=True)],
        "window": [
            Field("from", _("From"), text_of(window, "from"), "time", place="config/window/from", short=True),
            Field("to", _("To"), text_of(window, "to"), "time", place="config/window/to", short=True),
        ],
        "weekdays": [],
    }[mode]
    days = known.get("weekdays")
    return [
        Part(
            [
                Field(
                    "mode",
                    _("Until"),
                    mode,
                    "choice",
                    reshape=True,
                    choices=[
                        ("at", _("a time of day")),
                        ("window", _("between two times")),
                        ("weekdays", _("one of these days begins")),
                    ],
                ),
                *times,
                Field(
                    "weekdays",
                    _("Days"),
                    [day for day in days if isinstance(day, str)] if isinstance(days, list) else [],
                    "days",
                    choices=[(day, str(words)) for day, words in WEEKDAYS.items()],
                    place="config/weekdays",
                    help=_("None ticked: every day."),
                ),
                Field(
                    "zone",
                    _("Whose clock"),
                    text_of(known, "zone") or "contact",
                    "choice",
                    place="config/zone",
                    choices=[("contact", _("the contact's")), ("workspace", _("ours"))],
                ),
            ]
        )
    ]


def read_until(step: Doc, typed: Typed, room: Room) -> Doc:
    known = config(step)
    window = known.get("window") if isinstance(known.get("window"), dict) else {}
    mode = typed.text("mode") if typed.text("mode") in MODES else "at"
    at, opens, closes = (typed.text(name)[:5] for name in ("at", "from", "to"))
    made: Doc = {key: value for key, value in known.items() if key not in ("at", "window", "weekdays", "zone")}
    if mode == "at":
        made["at"] = at or text_of(known, "at") or "10:00"
    elif mode == "window":
        made["window"] = {
            "from": opens or text_of(dict(window or {}), "from") or "09:00",
            "to": closes or text_of(dict(window or {}), "to") or "12:00",
        }
    days = [day for day in WEEKDAYS if day in typed.lists.get("weekdays", ())]
    if mode == "weekdays" and not days:
        days = ["mon"] if text_of(known, "at") or window else list(WEEKDAYS)
    set_or_drop(made, "weekdays", days or None)
    set_or_drop(made, "zone", "workspace" if typed.text("zone") == "workspace" else None)
    return {**step, "config": made}


sheet("wait.duration", show_duration, read_duration)
sheet("wait.until_time", show_until, read_until)
