"""What the report of a campaign shows: one definition of each number, for the page, the CSV and the tests.

All amounts are in the workspace's currency. People are counted once, whatever they did twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.utils import formats
from django.utils.translation import gettext as _

from analytics import lift
from campaigns import commands, counted, figures, waterfall
from campaigns.models import Campaign
from campaigns.palette import tiles
from channels import states

# People of either group, those among them who reached the goal, and what they spent by it.
GROUPS: Final = """
SELECT p.held_out, count(*), count(c.contact_id), coalesce(sum(c.value), 0)
FROM (SELECT contact_id, bool_and(held_out) AS held_out FROM campaigns_enrolment
      WHERE campaign_id = %(campaign)s GROUP BY contact_id) p
LEFT JOIN (SELECT contact_id, sum(value) AS value FROM campaigns_conversion
           WHERE campaign_id = %(campaign)s GROUP BY contact_id) c USING (contact_id)
GROUP BY p.held_out"""

# A day counts by people who entered in the last thirty.
PACE: Final = """
SELECT count(DISTINCT contact_id) / 30.0 FROM campaigns_enrolment
WHERE campaign_id = %(campaign)s AND entered_at > %(now)s - interval '30 days'"""

# What was not sent and why, and what sent messages cost, by step.
STEPS: Final = """
SELECT step, coalesce(nullif(reason, ''), state), count(*), 0 FROM channels_message
WHERE campaign_id = %(campaign)s AND run_id IS NOT NULL AND state = ANY(%(never)s) GROUP BY 1, 2
UNION ALL
SELECT step, '', 0, coalesce(sum(cost), 0) FROM channels_message
WHERE campaign_id = %(campaign)s AND run_id IS NOT NULL AND state = ANY(%(sent)s) GROUP BY 1"""

COST: Final = """
SELECT coalesce(sum(cost), 0), count(*), count(*) FILTER (WHERE cost IS NULL) FROM channels_message
WHERE campaign_id = %(campaign)s AND run_id IS NOT NULL AND state = ANY(%(sent)s)"""

# People who said no through a message of this campaign: the receipt names the message.
OPT_OUTS: Final = """
SELECT count(DISTINCT r.contact_id) FROM channels_message m
JOIN crm_consentreceipt r ON r.contact_id = m.contact_id AND r.source = 'message:' || m.id
WHERE m.campaign_id = %(campaign)s AND r.action IN ('withdrawn', 'objected')"""


@dataclass(frozen=True)
class Money:
    """What it cost and brought. `unpriced`: sent messages whose account had no price."""

    cost: Decimal
    unpriced: int
    treated_value: Decimal
    holdout_value: Decimal


@dataclass(frozen=True)
class Fall:
    """A line of the waterfall: `number` leads to its people, `of` is what it is a part of."""

    number: str
    words: str
    count: int
    of: int
    tone: str = ""
    total: bool = False


@dataclass(frozen=True)
class StepLine:
    """A step in numbers of messages (for steps that do not send, `channel` is "" and only `arrived` counts).

    `reasons`: (code, messages) of what was not sent, most first.
    """

    step: str
    label: str
    channel: str
    icon: str
    arrived: int
    sent: int
    not_sent: int
    opened: int
    clicked: int
    cost: Decimal
    reasons: list[tuple[str, int]]

    def numbers(self) -> list[tuple[str, Any]]:
        """As the CSV has them."""
        shown: list[tuple[str, Any]] = [("Arrived", self.arrived)]
        if self.channel:
            shown += [("Sent", self.sent), ("Not sent", self.not_sent), ("Opened", self.opened)]
            shown += [("Clicked", self.clicked), ("Cost", self.cost)]
        return shown


@dataclass(frozen=True)
class Report:
    """A campaign's report.

    `treated`, `holdout`: people and those of them who reached the goal. `lift`: the one against the other.
    `days`: about how many days until a verdict can be given, at the pace of the last thirty; None when it is
    out of sight. `extra_value`: what the treated spent beyond what the held out did, per head.
    `waterfall`: see `campaigns.waterfall.of`.
    """

    waterfall: dict[str, Any]
    treated: lift.Group
    holdout: lift.Group
    lift: lift.Lift
    days: int | None
    money: Money
    extra_value: Decimal
    opt_outs: int
    sent: int
    steps: list[StepLine]

    @property
    def reached(self) -> int:
        """People who reached the goal, held out or not."""
        return self.treated.hits + self.holdout.hits

    @property
    def points_words(self) -> str:
        """The difference in percentage points, without its sign."""
        return points(abs(self.lift.difference))

    @property
    def low_words(self) -> str:
        return points(self.lift.low)

    @property
    def high_words(self) -> str:
        return points(self.lift.high)

    @property
    def falls(self) -> list[list[Fall]]:
        return falls(self.waterfall)

    @property
    def opt_out_rate(self) -> float | None:
        """People who said no per message sent."""
        return self.opt_outs / self.sent if self.sent else None

    @property
    def cost_per_extra(self) -> Decimal | None:
        """What one more goal cost; None while nothing is proven."""
        if self.lift.verdict != "works" or self.lift.extra <= 0:
            return None
        return self.money.cost / Decimal(str(self.lift.extra))


def of(campaign: Campaign, now: datetime) -> Report:
    """The report of a campaign, in a fixed number of queries."""
    params: dict[str, Any] = {"campaign": campaign.pk, "now": now, "sent": list(states.SENT)}
    with connection.cursor() as cursor:
        cursor.execute(GROUPS, params)
        groups = {held_out: (people, hits, value) for held_out, people, hits, value in cursor.fetchall()}
        cursor.execute(PACE, params)
        pace = float(cursor.fetchone()[0])
        cursor.execute(COST, params)
        cost, sent, unpriced = cursor.fetchone()
        cursor.execute(OPT_OUTS, params)
        opt_outs = cursor.fetchone()[0]
    treated, holdout = (groups.get(held_out, (0, 0, Decimal(0))) for held_out in (False, True))
    money = Money(cost, unpriced, treated[2], holdout[2])
    one, other = lift.Group(treated[0], treated[1]), lift.Group(holdout[0], holdout[1])
    found = lift.compare(one, other)
    return Report(
        waterfall=waterfall.of(campaign),
        treated=one,
        holdout=other,
        lift=found,
        days=lift.days(found.more, pace),
        money=money,
        extra_value=_extra_value(one, other, money),
        opt_outs=opt_outs,
        sent=sent,
        steps=steps(campaign),
    )


def _extra_value(treated: lift.Group, holdout: lift.Group, money: Money) -> Decimal:
    if not treated.n or not holdout.n:
        return Decimal(0)
    return money.treated_value - money.holdout_value / holdout.n * treated.n


def steps(campaign: Campaign) -> list[StepLine]:
    """The steps of the newest version from top to bottom, in numbers of all versions. Two queries."""
    document = campaign.version.document if campaign.version else campaign.document
    counts = figures.counts(campaign, figures.Span())
    reasons: dict[str, list[tuple[str, int]]] = {}
    costs: dict[str, Decimal] = {}
    with connection.cursor() as cursor:
        cursor.execute(STEPS, {"campaign": campaign.pk, "sent": list(states.SENT), "never": list(states.NEVER_SENT)})
        for step, reason, count, cost in cursor.fetchall():
            if reason:
                reasons.setdefault(step, []).append((reason, count))
            else:
                costs[step] = cost
    lines = []
    for _path, step in commands.walk(document):
        name, tile = str(step.get("id", "")), tiles.get(str(step.get("type")))
        if tile is None:
            continue
        kind = str(step.get("type"))
        lines.append(
            StepLine(
                step=name,
                label=str(step.get("label") or tile.summary(step)[0]),
                channel=kind.removeprefix("send.") if kind.startswith("send.") else "",
                icon=tile.icon,
                arrived=counts.get("entered", name),
                sent=counts.get("sent", name),
                not_sent=counts.get("not_sent", name),
                opened=counts.get("opened", name),
                clicked=counts.get("clicked", name),
                cost=costs.get(name, Decimal(0)),
                reasons=sorted(reasons.get(name, []), key=lambda pair: (-pair[1], pair[0])),
            )
        )
    return lines


@dataclass(frozen=True)
class Scale:
    """The interval as a drawing 100 wide: where no effect is, where the interval begins and ends, and its middle."""

    zero: float
    low: float
    high: float
    middle: float

    @property
    def width(self) -> float:
        return self.high - self.low


def scale(found: lift.Lift) -> Scale | None:
    """None while there is no interval."""
    if found.low <= -1 and found.high >= 1:
        return None
    least, most = min(found.low, 0.0), max(found.high, 0.0)
    room = (most - least) * 0.1 or 0.01

    def place(value: float) -> float:
        return round(100 * (value - least + room) / (most - least + 2 * room), 2)

    return Scale(place(0.0), place(found.low), place(found.high), place(found.difference))


def points(share: float) -> str:
    """`0.031` → "3.1" as the reader writes it."""
    return formats.number_format(100 * share, 1)


def falls(found: dict[str, Any]) -> list[list[Fall]]:
    """The waterfall line by line, in three sums: who came in, what was sent, where they are."""
    audience, planned, entered = found["audience"], found["planned"], found["runs"]["entered"]

    def parts(term: str, counts: dict[str, int], whole: int, tone: str) -> list[Fall]:
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return [_fall(f"{term}.{label}" if label else term, count, whole, tone) for label, count in ranked]

    return [
        [
            _sum("audience", audience),
            _fall("entered", found["entered"], audience, "ok"),
            *parts("not_entered", found["not_entered"], audience, "warn"),
        ],
        [
            _sum("planned", planned),
            *parts("sent", found["sent"], planned, "ok"),
            *parts("skipped", found["skipped"], planned, "warn"),
            _fall("waiting", found["waiting"], planned, ""),
        ],
        [
            _sum("runs.entered", entered),
            *parts("runs.active", found["runs"]["active"], entered, ""),
            *parts("runs.outcomes", found["runs"]["outcomes"], entered, "ok"),
        ],
    ]


def _sum(number: str, count: int) -> Fall:
    return Fall(number, counted.words(number), count, count, total=True)


def _fall(number: str, count: int, whole: int, tone: str) -> Fall:
    return Fall(number, counted.words(number), count, whole or 1, tone)


def numbers(report: Report) -> list[tuple[str, Any]]:
    """Every number of the page above the steps, by its name."""
    return [
        *((fall.words, fall.count) for group in report.falls for fall in group),
        (_("Reached the goal"), report.reached),
        (_("Treated"), report.treated.n),
        (_("Treated who reached the goal"), report.treated.hits),
        (_("Held out"), report.holdout.n),
        (_("Held out who reached the goal"), report.holdout.hits),
        (_("Difference in points"), report.points_words),
        (_("Interval from"), report.low_words),
        (_("Interval to"), report.high_words),
        (_("Cost"), report.money.cost),
        (_("Opt-outs"), report.opt_outs),
    ]
