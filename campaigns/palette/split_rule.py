"""Words for `split.rule`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, joined, tile


def tell(said: Said) -> tuple[str, str]:
    ruled = [str(lane.get("label", "")) for lane in said.lanes if lane.get("label") != "else"]
    return gettext("Split by rule"), joined(*ruled, gettext("All others"))


def fresh() -> dict[str, Any]:
    return {"config": {}, "lanes": [{"label": gettext("Yes"), "steps": []}, {"label": "else", "steps": []}]}


tile(
    "split.rule",
    family="split",
    label=_("Split by rule"),
    help_text=_("Each contact goes by the first lane whose rule holds."),
    icon="arrows-split",
    ports={"else": _("All others")},
    tell=tell,
    fresh=fresh,
    words=_("if condition rule branch decision split segment"),
)
