"""Where a draft keeps rules of the segment grammar: the lanes of a split by rule, and its audience.

Nothing else of a journey is one: entries, exits, goals and waits ask what one event carries, not who somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from campaigns import commands, drafts, journey
from campaigns.models import Campaign
from crm import digest

KIND: Final = "split.rule"
ELSE: Final = "else"
AUDIENCE: Final = "eligibility"
EVERYBODY: Final[Mapping[str, Any]] = {"all": []}


@dataclass(frozen=True)
class Place:
    """`rule`: None where there is none yet. `label`: of the lane, "" for the audience."""

    campaign: Campaign
    rule: Any
    label: str = ""
    step: str = ""
    lane: int = 0
    lane_id: str = ""

    @property
    def seen(self) -> str:
        """What an editor has seen of it."""
        return digest.of([self.step, self.lane_id, self.rule])


def lane(campaign: Campaign, step: str, number: int) -> Place | None:
    """The rule of a lane, counted from 0; None where there is no such lane (any more), or it has no rule."""
    found = commands.find(campaign.document, step)
    known = commands.lanes_of(found) if found and found.get("type") == KIND else []
    if number >= len(known) or known[number].get("label") == ELSE:
        return None
    one = known[number]
    return Place(campaign, one.get("when"), str(one.get("label", "")), step, number, str(one.get("id", "")))


def audience(campaign: Campaign) -> Place:
    return Place(campaign, campaign.document.get(AUDIENCE))


def keep(place: Place, rule: Any, *, actor: str, now: datetime) -> Campaign:
    """Put a rule there, as one edit of the draft; raises `Problem` "stale". Everybody is no rule at all."""
    command = _command(place, None if rule == EVERYBODY else rule)
    return drafts.apply(place.campaign, command, revision=place.campaign.revision, actor=actor, now=now)


def _command(place: Place, rule: Any) -> dict[str, Any]:
    if not place.step:
        return {"do": "set", "path": AUDIENCE, "value": rule}
    step = commands.find(journey.fill(place.campaign.document), place.step) or {}
    lanes = [{key: each[key] for key in each if key in commands.LANE_KEYS} for each in commands.lanes_of(step)]
    lanes[place.lane]["when"] = rule
    return {"do": "lanes", "step": place.step, "lanes": lanes}
