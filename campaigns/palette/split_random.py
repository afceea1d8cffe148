"""Words for `split.random`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, joined, tile


def tell(said: Said) -> tuple[str, str]:
    return gettext("Split at random"), joined(*(shares(said).values()))


def shares(said: Said) -> dict[str, str]:
    """Lane id → "A · 50 %"."""
    weights = [lane.get("weight") for lane in said.lanes]
    whole = sum(weight for weight in weights if isinstance(weight, int) and weight > 0) or 1
    return {
        str(lane.get("id", index)): f"{lane.get('label', '')} {round(100 * weight / whole)} %"
        if isinstance(weight := lane.get("weight"), int)
        else str(lane.get("label", ""))
        for index, lane in enumerate(said.lanes)
    }


def fresh() -> dict[str, Any]:
    return {
        "config": {},
        "lanes": [{"label": "A", "weight": 50, "steps": []}, {"label": "B", "weight": 50, "steps": []}],
    }


tile(
    "split.random",
    family="split",
    label=_("Split at random"),
    help_text=_("Deals contacts to lanes by chance. Who was dealt a lane keeps it."),
    icon="dice-3",
    tell=tell,
    fresh=fresh,
    words=_("a/b test random split experiment chance"),
    colour="exp",
)
