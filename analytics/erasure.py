"""What becomes of figures when somebody is erased: they stay, and nobody has a stage any more."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.rights.treatment import Treated

TREATED: Final = (
    Treated("analytics_contactstage", words=_("Stage of the funnel")),
    Treated("analytics_stagechange", empty={}, stays=("before", "after", "cause")),
)
