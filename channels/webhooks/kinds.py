"""What an integrator can be told: the closed list of kinds, and what each of them says.

A telling names ids and what happened; who somebody is, is asked for over the API by those who may.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEST: Final = "webhook.test"


@dataclass(frozen=True)
class Kind:
    """`example`: the `data` of its payload."""

    name: str
    words: str | Promise
    example: dict[str, Any] = field(default_factory=dict)


_WHO: Final = {"contact": "ctc_3k9"}
_MESSAGE: Final = {
    "contact": "ctc_3k9", "message": "msg_7q2", "campaign": "cmp_4", "run": "run_9f", "step": "email_1",
    "channel": "email",
}  # fmt: skip
_CAMPAIGN: Final = {"campaign": "cmp_4", "name": "Abandoned cart"}

KINDS: Final[dict[str, Kind]] = {
    each.name: each
    for each in (
        Kind("contact.created", _("Somebody is known for the first time"), _WHO),
        Kind("contact.updated", _("Fields or identifiers changed"), {**_WHO, "changed": ["city", "fields.shoe_size"]}),
        Kind("contact.merged", _("Two contacts turned out to be one"), {"contact": "ctc_3k9", "merged": "ctc_3kb"}),
        Kind("contact.erased", _("Somebody was erased: erase them too"), _WHO),
        Kind("contact.stage_changed", _("Another stage of the funnel"), {**_WHO, "from": "lead", "to": "engaged"}),
        Kind(
            "consent.changed",
            _("A permission was given or taken back"),
            {
                **_WHO,
                "purpose": "offers",
                "channel": "email",
                "action": "withdrawn",
                "state": "withdrawn",
                "receipt": "rcp_2m",
            },
        ),
        Kind("message.sent", _("A message left"), _MESSAGE),
        Kind("message.delivered", _("The carrier says that it arrived"), _MESSAGE),
        Kind("message.opened", _("Somebody opened it"), _MESSAGE),
        Kind("message.clicked", _("Somebody followed a link"), _MESSAGE),
        Kind("message.bounced", _("It came back"), {**_MESSAGE, "hard": True}),
        Kind("message.complained", _("Somebody called it spam"), _MESSAGE),
        Kind("message.skipped", _("It was not sent, and why"), {**_MESSAGE, "reason": "no_consent"}),
        Kind("message.unsubscribed", _("Somebody left by a link in it"), _MESSAGE),
        Kind("message.replied", _("Somebody answered"), _MESSAGE),
        Kind("campaign.published", _("A version went live"), {**_CAMPAIGN, "version": 2}),
        Kind("campaign.paused", _("A campaign was paused"), _CAMPAIGN),
        Kind("campaign.resumed", _("A campaign goes on"), _CAMPAIGN),
        Kind("campaign.finished", _("A campaign lets nobody in any more"), _CAMPAIGN),
        Kind("campaign.stopped", _("A campaign ended for everybody"), _CAMPAIGN),
    )
}
GROUPS: Final[dict[str, str | Promise]] = {
    "contact": _("Contacts"), "consent": _("Permissions"), "message": _("Messages"), "campaign": _("Campaigns"),
}  # fmt: skip
PATTERNS: Final = ("*", *(f"{group}.*" for group in GROUPS))


def hears(patterns: Iterable[str], kind: str) -> bool:
    """Whether an endpoint with these kinds and patterns is told of `kind`."""
    return any(fnmatch.fnmatchcase(kind, each) for each in patterns)


def unknown(patterns: Iterable[str]) -> list[str]:
    return [each for each in patterns if each not in KINDS and each not in PATTERNS]
