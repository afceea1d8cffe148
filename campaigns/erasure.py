"""What becomes of journeys when somebody is erased: that somebody was in them stays, what they brought goes."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from crm.rights.treatment import Treated

RUNS: Final = "SELECT id FROM campaigns_enrolment WHERE contact_id = ANY(%(people)s)"

TREATED: Final = (
    Treated("campaigns_subscription"),
    Treated("campaigns_pendingentry"),
    # It was looked at: the waterfall counts it.
    Treated("campaigns_candidate", empty={}),
    Treated("campaigns_refusal", empty={"detail": "NULL"}, stays=("reason",)),
    # By the run: its partitions have an index for that, and none for the contact.
    Treated("campaigns_visit", f"run_id IN ({RUNS})", {"detail": "NULL"}, ("step", "port", "reason")),
    Treated("campaigns_arm", empty={}, stays=("step", "lane")),
    Treated("campaigns_conversion", empty={}, stays=("currency",)),
    Treated(
        "campaigns_enrolment",
        empty={
            "entry": "NULL",
            "key": "CASE WHEN key = '' THEN '' ELSE 'run-' || id END",
            "lane": "CASE WHEN lane = '' THEN '' ELSE 'run-' || id END",
        },
        words=_("Times in a campaign"),
        stays=("state", "held_from", "step", "port", "outcome", "loops"),
    ),
)
