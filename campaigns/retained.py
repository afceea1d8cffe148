"""The classes of data of this floor: who was not let into a campaign, and why."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns import audience
from crm import clock, registry
from crm.retained import counted
from crm.retention import Kept

registry.retention.add("refusals", Kept(
    _("Who was not let into a campaign, and why"), _("Later only how many there were is kept, by reason."),
    90, 90, 90, lambda before, limit: counted("1 FROM campaigns_refusal WHERE at < %(before)s", before, limit),
    lambda _before, _limit: audience.fold(clock.now()), elsewhere=True,
), order=210)  # fmt: skip
