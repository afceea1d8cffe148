"""Words for `exit`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile

OUTCOMES = {"completed": _("End"), "converted": _("End: goal reached"), "dropped": _("End: dropped out")}


def tell(said: Said) -> tuple[str, str]:
    return str(OUTCOMES.get(said.text("outcome") or "completed", OUTCOMES["completed"])), said.text("note")


def fresh() -> dict[str, Any]:
    return {"config": {"outcome": "completed"}}


tile(
    "exit",
    family="flow",
    label=_("End"),
    help_text=_("The journey ends here for this contact."),
    icon="door-exit",
    tell=tell,
    fresh=fresh,
    words=_("exit end stop finish leave"),
)
