"""Words for `wait.duration`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, span, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("Wait %(span)s") % {"span": span(said.config)}, ""


def fresh() -> dict[str, Any]:
    return {"config": {"value": 1, "unit": "days"}}


tile(
    "wait.duration",
    family="wait",
    label=_("Wait a while"),
    help_text=_("Waits minutes, hours, days or weeks. A day keeps the time on the contact's clock."),
    icon="hourglass",
    tell=tell,
    fresh=fresh,
    words=_("wait delay pause time minutes hours days weeks"),
)
