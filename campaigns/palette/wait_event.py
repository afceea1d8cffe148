"""Words for `wait.event`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, any_of, tile


def tell(said: Said) -> tuple[str, str]:
    branches = said.config.get("branches")
    named = (
        [str(each.get("event") or "…") for each in branches if isinstance(each, dict)]
        if isinstance(branches, list)
        else []
    )
    title = gettext("Wait for %(events)s") % {"events": any_of(named) or "…"}
    return title, gettext("At most %(span)s") % {"span": said.span("timeout")}


def fresh() -> dict[str, Any]:
    label = gettext("Bought")
    return {
        "config": {
            "branches": [{"label": label, "event": "Order Completed"}],
            "timeout": {"value": 3, "unit": "days"},
        },
        "lanes": [{"label": label, "steps": []}, {"label": "timeout", "steps": []}],
    }


tile(
    "wait.event",
    family="wait",
    label=_("Wait for something"),
    help_text=_("Waits until the contact does something, or until it has not happened for as long as you say."),
    icon="ear",
    ports={"timeout": _("In vain")},
    tell=tell,
    fresh=fresh,
    words=_("wait for event until purchase opened clicked"),
)
