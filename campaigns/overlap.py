"""Which other campaigns write to the same people at the same time.

Somebody is also in another campaign while they have an active run there, or stand in a segment that it
is about to write to. The share is of the audience of the campaign that is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from campaigns import crowd, plans, prospects, terms
from campaigns.crowd import Crowd
from campaigns.models import Campaign, Occurrence
from crm import patience
from crm.segments.sql import join

# From this share on it is worth a word (a twentieth of the audience).
WORTH_SAYING: Final = 0.05

SHARED = """
WITH base AS MATERIALIZED ({base}), shared AS (
  SELECT e.campaign_id, e.contact_id FROM campaigns_enrolment e JOIN base ON base.id = e.contact_id
  WHERE e.state <> 'done' AND e.campaign_id <> {own}
  UNION
  SELECT planned.campaign, m.contact_id
  FROM unnest({campaigns}::bigint[], {segments}::bigint[]) AS planned(campaign, segment)
  JOIN crm_segmentmember m ON m.segment_id = planned.segment JOIN base ON base.id = m.contact_id
)
SELECT c.id, c.name, c.priority, count(*), (SELECT count(*) FROM base)
FROM shared JOIN campaigns_campaign c ON c.id = shared.campaign_id AND c.state IN ('live', 'paused')
GROUP BY c.id ORDER BY count(*) DESC, c.id LIMIT 10
"""


@dataclass(frozen=True)
class Overlap:
    """`people` of the audience are in the other one too; `goes_first`: the other has the higher priority."""

    campaign_id: int
    name: str
    people: int
    share: float
    goes_first: bool

    @property
    def is_worth_saying(self) -> bool:
        return self.share > WORTH_SAYING


def of(campaign_id: int, settings: terms.Terms, now: datetime, counted: Crowd | None = None) -> list[Overlap]:
    """The other running campaigns that share people with this one, the largest first. Nothing is known
    of an audience that comes by hand, and nothing is said of one that is too large to look through.
    `counted`: whom it is about, where somebody knows."""
    rule = prospects.people(settings, now)
    if rule is None:
        return []
    try:
        with patience.within(prospects.PATIENCE_MS) as cursor:
            those = counted or crowd.of(rule, now)
            return [_overlap(row, settings.priority, those.people) for row in _ask(cursor, campaign_id, those, now)]
    except patience.TooSlow:
        return []


def _ask(cursor: Any, campaign_id: int, those: Crowd, now: datetime) -> Sequence[tuple[Any, ...]]:
    base = join("SELECT crm_contact.id FROM crm_contact WHERE {}", those.q(now))
    campaigns, segments = _about_to_write(campaign_id)
    parts = {"base": base, "own": campaign_id, "campaigns": campaigns, "segments": segments}
    order = ["base", "own", "campaigns", "segments"]
    template = SHARED
    for name in order:
        template = template.replace("{" + name + "}", "{}")
    asked = join(template, *[parts[name] for name in order])
    cursor.execute(asked.text, asked.params)
    return list(cursor.fetchall())


def _about_to_write(campaign_id: int) -> tuple[list[int], list[int]]:
    """(campaigns, segments): who is to be written to at a date, or is being let in at this moment."""
    rows = Occurrence.objects.filter(done_at=None).exclude(campaign_id=campaign_id).values_list(
        "campaign_id", "version__document", "entry_index"
    )  # fmt: skip
    pairs = set()
    for campaign, document, index in rows:
        entries = document.get("entry", [])
        segment = entries[index].get("segment") if index < len(entries) else None
        if segment:
            pairs.add((campaign, plans.segment_id(segment)))
    return [campaign for campaign, _ in sorted(pairs)], [segment for _, segment in sorted(pairs)]


def _overlap(row: tuple[Any, ...], priority: int, people: int) -> Overlap:
    number, name, theirs, shared, looked_at = row
    share = shared / looked_at if looked_at else 0.0
    return Overlap(number, name, round(share * people), share, theirs > priority)


def running(campaign_id: int) -> int:
    """How many other campaigns run at this moment."""
    return Campaign.objects.filter(state__in=("live", "paused"), archived_at=None).exclude(pk=campaign_id).count()
