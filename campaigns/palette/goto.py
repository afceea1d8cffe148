"""Words for `goto`."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.palette.base import Said, tile


def tell(said: Said) -> tuple[str, str]:
    target = said.text("step")
    times = said.config.get("max_visits", 3)
    title = gettext("Go to “%(step)s”") % {"step": said.names.get(target) or target or "…"}
    return title, gettext("At most %(times)s times") % {"times": times}


tile(
    "goto",
    family="flow",
    label=_("Go to"),
    help_text=_("Goes back to another step, as many times as you allow."),
    icon="arrow-back-up",
    ports={"jump": _("Once more"), "next": _("Enough")},
    tell=tell,
    words=_("go to jump loop repeat again back"),
)
