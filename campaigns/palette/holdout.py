"""Words for `holdout`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("Keep %(pct)s %% apart") % {"pct": said.config.get("pct", "…")}, gettext(
        "To see what the rest brings"
    )


def fresh() -> dict[str, Any]:
    return {"config": {"pct": 10}}


tile(
    "holdout",
    family="split",
    label=_("Keep some apart"),
    help_text=_("Keeps some contacts apart from here on, to see what the rest of the journey brings."),
    icon="shield-half",
    ports={"treated": _("Go on"), "held_out": _("Kept apart")},
    tell=tell,
    fresh=fresh,
    words=_("hold out holdout control group apart"),
    colour="exp",
)
