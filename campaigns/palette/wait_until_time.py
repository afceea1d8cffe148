"""Words for `wait.until_time`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, joined, tile

WEEKDAYS = {
    "mon": _("Mon"),
    "tue": _("Tue"),
    "wed": _("Wed"),
    "thu": _("Thu"),
    "fri": _("Fri"),
    "sat": _("Sat"),
    "sun": _("Sun"),
}


def tell(said: Said) -> tuple[str, str]:
    window = said.config.get("window")
    if said.text("at"):
        title = gettext("Wait until %(time)s") % {"time": said.text("at")}
    elif isinstance(window, dict):
        title = gettext("Wait until between %(first)s and %(last)s") % {
            "first": window.get("from", "…"),
            "last": window.get("to", "…"),
        }
    else:
        title = gettext("Wait until a day")
    named = said.config.get("weekdays")
    days = [str(WEEKDAYS[day]) for day in named if day in WEEKDAYS] if isinstance(named, list) else []
    zone = gettext("our clock") if said.config.get("zone") == "workspace" else gettext("their own clock")
    return title, joined(", ".join(days), zone)


def fresh() -> dict[str, Any]:
    return {"config": {"at": "10:00"}}


tile(
    "wait.until_time",
    family="wait",
    label=_("Wait until a time"),
    help_text=_("Waits for a time of day, on the weekdays you choose, on the contact's clock or yours."),
    icon="clock-hour-9",
    tell=tell,
    fresh=fresh,
    words=_("wait until time of day morning hour weekday window"),
)
