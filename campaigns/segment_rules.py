"""The leaves this floor adds to rules: in a campaign, and what became of its messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.utils.translation import gettext as _

from crm import publicids, registry, words
from crm.errors import Problem, Problems
from crm.segments import conditions
from crm.segments.grammar import Leaf
from crm.segments.leaves.event import EventLeaf, Reader
from crm.segments.leaves.member import reference
from crm.segments.sql import Sql, every, exists, join

STATES: Final = ("in", "was_in", "converted", "at")
DID: Final = {
    word.lower(): f"Message {word}"
    for word in (
        "Sent",
        "Delivered",
        "Opened",
        "Clicked",
        "Replied",
        "Bounced",
        "Complained",
        "Unsubscribed",
        "Skipped",
    )
}
MAX_STEP: Final = 64
# Runs carry the business time they were decided at, and are committed a little later.
LATE: Final = timedelta(minutes=2)


@dataclass(frozen=True)
class CampaignLeaf(Leaf):
    """`{"campaign": "cmp_…", "state": "in|was_in|converted|at", "step": "w2"}`."""

    # Each look reads the campaign's runs: no index leads to when they moved, for the sake of their writes.
    pace: ClassVar[int] = 30

    campaign: int
    state: str
    step: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        problems = conditions.unknown_keys(data, ("campaign", "state", "step"), path)
        campaign, state, step = 0, data.get("state", "in"), data.get("step", "")
        try:
            campaign = reference("cmp", data["campaign"], f"{path}/campaign")
        except Problem as problem:
            problems.append(problem)
        if state not in STATES:
            problems.append(
                Problem(
                    f"{path}/state",
                    "unknown_value",
                    f"There is no state {state!r:.40}; it is one of {', '.join(STATES)}.",
                )
            )
        if state == "at" and "step" not in data:
            problems.append(Problem(path, "missing_key", '"step" is missing: at which step? Give the step\'s id.'))
        elif state != "at" and "step" in data:
            problems.append(Problem(f"{path}/step", "unknown_key", 'A "step" goes with the state "at" only.'))
        elif "step" in data and not (isinstance(step, str) and 0 < len(step) <= MAX_STEP):
            problems.append(
                Problem(f"{path}/step", "wrong_type", "The id of a step is a text of at most 64 characters.")
            )
        if problems:
            raise Problems(problems)
        return cls(campaign, state, step)

    def q(self, now: datetime, *, few: bool = False, known_at: datetime | None = None) -> Sql:
        if self.state == "converted":
            rows = "campaigns_conversion v WHERE v.contact_id = crm_contact.id AND v.campaign_id = {}"
            return exists(join(rows, self.campaign))
        parts = [join("r.contact_id = crm_contact.id AND r.campaign_id = {}", self.campaign)]
        parts += [] if self.state == "was_in" else [Sql("r.state <> 'done'")]
        parts += [join("r.step = {}", self.step)] if self.state == "at" else []
        return exists(join("campaigns_enrolment r WHERE {}", every(parts)))

    def seen(self, now: datetime) -> Sql:
        return join(
            """(SELECT jsonb_build_object('runs', count(*), 'active', count(*) FILTER (WHERE r.state <> 'done'),
                  'step', max(r.step) FILTER (WHERE r.state <> 'done'))
                FROM campaigns_enrolment r WHERE r.contact_id = crm_contact.id AND r.campaign_id = {})""",
            self.campaign,
        )

    def sentence(self) -> str:
        said = {
            "in": _("is in campaign %(campaign)s"),
            "was_in": _("is or was in campaign %(campaign)s"),
            "converted": _("reached the goal of campaign %(campaign)s"),
            "at": _("is at step %(step)s of campaign %(campaign)s"),
        }[self.state]
        return said % {"campaign": publicids.encode("cmp", self.campaign), "step": self.step}

    def needed(self) -> Any:
        return {"state": self.state} | ({"step": self.step} if self.step else {})

    def mentions(self) -> frozenset[str]:
        return frozenset({f"campaign:{self.campaign}"})

    def flips(self, last: datetime, now: datetime) -> Sql | None:
        """Not time itself, but runs: those that moved since the last look. The grammar is below
        campaigns, so nobody tells it; it looks."""
        since = last - LATE
        if self.state == "converted":
            return join(
                "SELECT v.contact_id FROM campaigns_conversion v WHERE v.campaign_id = {} AND v.at > {}",
                self.campaign,
                since,
            )
        return join(
            """SELECT r.contact_id FROM campaigns_enrolment r WHERE r.campaign_id = {}
               AND (r.entered_at > {} OR r.ended_at > {} OR r.rested_at > {})""",
            self.campaign,
            since,
            since,
            since,
        )


@dataclass(frozen=True)
class MessageLeaf(EventLeaf):
    """`{"message": {"campaign": "cmp_…", "channel": "email"}, "did": "clicked", "in_last": {…}}`:
    what became of messages is told to the timeline, so this is a question about events."""

    campaign: int = 0
    by: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any], path: str) -> Self:
        reader = Reader(data, path)
        reader.known(frozenset({"message", "did", "in_last", "before", "after", "count"}))
        about, did, window, more = data["message"], data.get("did", "sent"), reader.window(), []
        if did not in DID:
            reader.problems.append(Problem(f"{path}/did", "unknown_value", f"A message did one of {', '.join(DID)}."))
        if not isinstance(about, Mapping):
            shape = '"message" reads {"campaign": "cmp_…", "channel": "email"}; either may be left out.'
            raise Problems([*reader.problems, Problem(f"{path}/message", "wrong_type", shape)])
        reader.problems += conditions.unknown_keys(about, ("campaign", "channel"), f"{path}/message")
        campaign = 0
        if "campaign" in about:
            campaign = reader.take(lambda: _campaign(about["campaign"], f"{path}/message/campaign"))
            more.append(join("e.campaign_ref = {}", campaign))
        if "channel" in about:
            more.append(join("e.properties -> 'channel' = to_jsonb({}::text)", about["channel"]))
            if about["channel"] not in words.CHANNELS:
                detail = f"There is no channel {about['channel']!r:.40}; known: {', '.join(words.CHANNELS)}."
                reader.problems.append(Problem(f"{path}/message/channel", "unknown_channel", detail))
        amounts = reader.amounts()
        if reader.problems:
            raise Problems(reader.problems)
        by = str(about.get("channel", ""))
        return cls(DID[did], window=window, amounts=amounts, more=tuple(more), campaign=campaign or 0, by=by)

    def sentence(self) -> str:
        what = _("a message: %(did)s") % {"did": self.name.removeprefix("Message ").lower()}
        if self.campaign:
            what += " " + _("of campaign %(campaign)s") % {"campaign": publicids.encode("cmp", self.campaign)}
        if self.by:
            what += " " + _("by %(channels)s") % {"channels": self.by}
        return what + self.details()


def _campaign(value: Any, at: str) -> int:
    try:
        return reference("cmp", value, at)
    except Problem as problem:
        raise Problems([problem]) from problem


registry.leaves.add("campaign", CampaignLeaf)
registry.leaves.add("message", MessageLeaf)
