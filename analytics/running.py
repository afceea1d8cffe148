"""The campaigns that run, in numbers: who is inside, who reached the goal, against those held out.

The one writer of Standing. Counting the people of all campaigns is not the work of a page: a round does it,
and pages read one row a campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from analytics import lift
from analytics.lift import Group, Lift
from analytics.models import Standing
from campaigns import lifecycle, status
from campaigns.models import Campaign
from campaigns.status import Facts, Status
from channels import states
from crm import arrays, clock, display
from crm.errors import Problems

SHARE_OF_TIME: Final = 50
LEAST_SECONDS: Final = 60
LIVE: Final = (Campaign.State.LIVE, Campaign.State.PAUSED)

# A person is drawn once for a campaign, so people are compared, however often they travelled it.
PEOPLE: Final = """
SELECT p.campaign_id, count(*) FILTER (WHERE p.inside > 0), count(*) FILTER (WHERE NOT p.held_out),
       count(*) FILTER (WHERE NOT p.held_out AND p.hit), count(*) FILTER (WHERE p.held_out),
       count(*) FILTER (WHERE p.held_out AND p.hit)
FROM (
  SELECT e.campaign_id, e.contact_id, bool_or(e.held_out) AS held_out, bool_or(c.run_id IS NOT NULL) AS hit,
         count(*) FILTER (WHERE e.state <> 'done') AS inside
  FROM campaigns_enrolment e LEFT JOIN campaigns_conversion c ON c.run_id = e.id
  WHERE e.campaign_id = ANY(%s) GROUP BY e.campaign_id, e.contact_id) AS p
GROUP BY p.campaign_id"""
UNKNOWN: Final = """SELECT campaign_id, count(*) FROM channels_message
WHERE campaign_id = ANY(%s) AND state = %s GROUP BY campaign_id"""
COLUMNS: Final = {
    "campaign_id": "bigint", "inside": "int", "treated": "int", "treated_hits": "int", "holdout": "int",
    "holdout_hits": "int", "unknown": "int", "problems": "jsonb", "at": "timestamptz",
}  # fmt: skip

_took = 0.0


def work() -> int:
    """Count all campaigns that run, if their time has come. Answers how many have other numbers now."""
    return refresh(clock.now()) if pending() else 0


def pending() -> int:
    """1 when they are to be counted again: a minute has passed, and fifty times what counting took."""
    running = _running()
    if not running:
        return 0
    read = dict(Standing.objects.filter(campaign_id__in=running).values_list("campaign_id", "at"))
    if len(read) < len(running):
        return 1
    passed = (clock.real() - min(read.values())).total_seconds()
    return int(passed >= max(LEAST_SECONDS, SHARE_OF_TIME * _took))


def refresh(now: datetime) -> int:
    """Count them. Two queries and the check of each version, however many people there are."""
    global _took
    began = clock.real()
    del now
    with transaction.atomic():
        campaigns = list(Campaign.objects.filter(pk__in=_running()).select_related("version").order_by("pk"))
        numbers = [campaign.pk for campaign in campaigns]
        before = {row.pk: _values(row) for row in Standing.objects.select_for_update().filter(pk__in=numbers)}
        people, unknown = _people(numbers), _unknown(numbers)
        rows = [
            (campaign.pk, *people.get(campaign.pk, (0,) * 5), unknown.get(campaign.pk, 0), _problems(campaign), began)
            for campaign in campaigns
        ]
        arrays.insert(
            "analytics_standing", COLUMNS, rows,
            conflict="(campaign_id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "campaign_id"),
        )  # fmt: skip
        Standing.objects.exclude(pk__in=numbers).delete()
    _took = (clock.real() - began).total_seconds()
    return sum(before.get(row[0]) != tuple(row[1:8]) for row in rows)


@dataclass(frozen=True)
class Line:
    """A campaign as a list shows it; `standing` None: not counted yet."""

    campaign: Campaign
    status: Status
    facts: Facts
    standing: Standing | None

    @property
    def lift(self) -> Lift | None:
        return lift_of(self.standing) if self.standing else None

    @property
    def points(self) -> str:
        """The lift as it is written: "+3.1 points"."""
        found = self.lift
        if found is None:
            return ""
        number = display.count(round(abs(100 * found.difference), 1))
        return _("%(points)s points") % {"points": f"{'−' if found.difference < 0 else '+'}{number}"}

    @property
    def keeps_apart(self) -> bool:
        """Has it a control group, be nobody in it yet?"""
        return getattr(self.campaign, "holdout_pct", None) not in (None, "0", "0.0")

    @property
    def goal_share(self) -> float | None:
        return self.converted / self.facts.target if self.converted is not None and self.facts.target else None

    @property
    def converted(self) -> int | None:
        return self.standing.treated_hits + self.standing.holdout_hits if self.standing else None


def shown(limit: int, now: datetime) -> list[Line]:
    """The campaigns that run, newest first. Three queries."""
    campaigns = list(
        Campaign.objects.filter(state__in=LIVE, archived_at=None)
        .defer("document")
        .annotate(holdout_pct=KT("document__holdout_pct"))
        .order_by(F("published_at").desc(nulls_last=True), "-pk")[:limit]
    )
    numbers = [campaign.pk for campaign in campaigns]
    facts, standings = status.facts(numbers, now), Standing.objects.in_bulk(numbers)
    return [
        Line(
            campaign,
            status.of(campaign, facts.get(campaign.pk, Facts())),
            facts.get(campaign.pk, Facts()),
            standings.get(campaign.pk),
        )
        for campaign in campaigns
    ]


def count() -> int:
    return Campaign.objects.filter(state__in=LIVE, archived_at=None).count()


def lift_of(standing: Standing) -> Lift | None:
    """None where nobody is held out: there is nothing to compare with."""
    if not standing.holdout:
        return None
    return lift.compare(Group(standing.treated, standing.treated_hits), Group(standing.holdout, standing.holdout_hits))


def _running() -> list[int]:
    return list(Campaign.objects.filter(state__in=LIVE, archived_at=None).values_list("pk", flat=True))


def _people(numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, [list(numbers)])
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}


def _unknown(numbers: Sequence[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(UNKNOWN, [list(numbers), states.UNKNOWN])
        return dict(cursor.fetchall())


def _problems(campaign: Campaign) -> list[str]:
    """What is wrong by now with the version that runs: a segment or a text it needs is gone."""
    if campaign.version is None:
        return []
    try:
        lifecycle.checked(campaign.version.document)
    except Problems as found:
        return [problem.detail for problem in found.problems[:5]]
    return []


def _values(row: Standing) -> tuple[Any, ...]:
    return (
        row.inside, row.treated, row.treated_hits, row.holdout, row.holdout_hits, row.unknown, list(row.problems),
    )  # fmt: skip
