"""What the search of the top bar finds here: campaigns by part of their name."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import status
from crm.finding import Hit, finders


def campaigns(text: str, permissions: frozenset[str], limit: int) -> list[Hit]:
    if "campaigns.read" not in permissions:
        return []
    return [
        Hit(_("Campaigns"), each.name, reverse("campaigns:journey", args=[each.pk]), "send", _state(each.state))
        for each in status.named(text, limit)
    ]


def _state(state: str) -> str:
    words = {"draft": _("Draft"), "live": _("Live"), "paused": _("Paused"), "finished": _("Finished")}
    return words.get(state, _("Stopped"))


finders.add("campaigns", campaigns, order=20)
