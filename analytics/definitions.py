"""What each number of a campaign's report counts: the same words on the page, in its file and by API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Definition:
    """`unit` as a metric of the house has it."""

    name: str
    words: Promise
    means: Promise
    unit: Literal["money", "count", "share"] = "count"


REPORT: Final[dict[str, Definition]] = {
    each.name: each
    for each in (
        Definition("entered", _("Entered"), _("People who began the journey, each once")),
        Definition("held_out", _("Held out"), _("People the campaign did not write to, so that one can compare")),
        Definition("reached", _("Reached the goal"), _("People who reached the goal within its days, each once")),
        Definition(
            "extra", _("Because of the campaign"),
            _("How many more reached it than would have without the campaign: the share of the treated less that of "
              "the held out, times the treated"),
        ),
        Definition("cost", _("Cost"), _("What sent messages cost by the price of their account on that day"), "money"),
        Definition(
            "opt_outs", _("Opt-outs"),
            _("People who took a consent back through a message of this campaign, per message sent"), "share",
        ),
        Definition("arrived", _("Arrived"), _("People who came to this step, each once")),
        Definition("sent", _("Sent"), _("People to whom the message of this step was sent, each once")),
        Definition("not_sent", _("Not sent"), _("People who came here and did not get the message, and why")),
        Definition(
            "opened", _("Opened"), _("Not exact: mailboxes open mails by themselves, and some never say"),
        ),
        Definition("clicked", _("Clicked"), _("People who followed a link in the message; scanners do not count")),
    )
}  # fmt: skip

# What a period and a version choose.
COHORT: Final = _(
    "People belong to the day on which they entered and to the version they entered in. All that came of it is "
    "counted, whenever it came: messages, answers, costs, the goal. Whoever did not enter counts on each day they were "
    "refused, in the version that was published then."
)
FOLDED: Final = _("Whoever was refused more than 90 days ago is only counted since the first version.")
