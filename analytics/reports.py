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
from django.utils.translation import gettext_lazy

from analytics import definitions, lift
from campaigns import audience, commands, counted, figures, waterfall
from campaigns.cohorts import EVERYBODY, Cohort
from campaigns.models import Campaign, Version
from campaigns.palette import tiles
from channels import states

# People of either group, those among them who reached the goal, and what they spent by it.
GROUPS: Final = """
SELECT p.held_out, count(*), count(c.contact_id), coalesce(sum(c.value), 0)
FROM (SELECT contact_id, bool_and(held_out) AS held_out FROM campaigns_enrolment e
      WHERE campaign_id = %(campaign)s AND {runs} GROUP BY contact_id) p
LEFT JOIN (SELECT c.contact_id, sum(c.value) AS value FROM campaigns_conversion c
           JOIN campaigns_enrolment e ON e.id = c.run_id
           WHERE c.campaign_id = %(campaign)s AND {runs} GROUP BY c.contact_id) c USING (contact_id)
GROUP BY p.held_out"""

# A day counts by people who entered in the last thirty.
PACE: Final = """
SELECT count(DISTINCT contact_id) / 30.0 FROM campaigns_enrolment e
WHERE campaign_id = %(campaign)s AND entered_at > %(now)s - interval '30 days' AND {runs}"""

MESSAGES: Final = "FROM channels_message m WHERE m.campaign_id = %(campaign)s AND m.run_id IS NOT NULL AND {of_run}"

# People to whom something was not sent and why, and what sent messages cost, by step.
STEPS: Final = f"""
SELECT m.step, coalesce(nullif(m.reason, ''), m.state), count(DISTINCT m.contact_id), 0
{MESSAGES} AND m.state = ANY(%(never)s) GROUP BY 1, 2
UNION ALL
SELECT m.step, '', 0, coalesce(sum(m.cost), 0) {MESSAGES} AND m.state = ANY(%(sent)s) GROUP BY 1"""

COST: Final = f"""
SELECT coalesce(sum(m.cost), 0), count(*), count(*) FILTER (WHERE m.cost IS NULL)
{MESSAGES} AND m.state = ANY(%(sent)s)"""

# People who said no through a message of this campaign: the receipt names the message.
OPT_OUTS: Final = f"""
SELECT count(DISTINCT r.contact_id) FROM (SELECT m.id, m.contact_id {MESSAGES}) AS m
JOIN crm_consentreceipt r ON r.contact_id = m.contact_id AND r.source = 'message:' || m.id
WHERE r.action IN ('withdrawn', 'objected')"""  # noqa: S608

# What a verdict is called, and how it looks.
VERDICTS: Final[dict[str, dict[str, Any]]] = {
    "works": {"words": gettext_lazy("Yes, it helps"), "tone": "ok", "icon": "circle-check"},
    "harms": {"words": gettext_lazy("No, it does harm"), "tone": "bad", "icon": "alert-triangle"},
    "not_proven": {"words": gettext_lazy("Not proven yet"), "tone": "", "icon": "scale"},
    "too_early": {"words": gettext_lazy("Too early"), "tone": "", "icon": "clock"},
}


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
    """A step in numbers of people, each once (for steps that do not send, `channel` is "" and only `arrived` counts).

    `reasons`: (code, people) of what was not sent, most first.
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

    @property
    def measures_opens(self) -> bool:
        """A text message does not say that it was read."""
        return self.channel != "sms"

    def numbers(self) -> list[tuple[str, Any]]:
        """As the CSV has them."""
        shown: list[tuple[str, Any]] = [("Arrived", self.arrived)]
        if self.channel:
            shown += [("Sent", self.sent), ("Not sent", self.not_sent), ("Opened", self.opened)]
            shown += [("Clicked", self.clicked), ("Cost", self.cost)]
        return shown


@dataclass(frozen=True)
class Report:
    """A campaign's report, of a cohort or of everybody.

    `treated`, `holdout`: people and those of them who reached the goal. `lift`: the one against the other.
    `days`: about how many days until a verdict can be given, at the pace of the last thirty; None when it is
    out of sight. `extra_value`: what the treated spent beyond what the held out did, per head.
    `waterfall`: see `campaigns.waterfall.of`.
    """

    cohort: Cohort
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


def of(campaign: Campaign, now: datetime, cohort: Cohort = EVERYBODY) -> Report:
    """The report of a campaign, or of a cohort of it, in a fixed number of queries."""
    params: dict[str, Any] = {"campaign": campaign.pk, "now": now, "sent": list(states.SENT), **cohort.parameters}
    with connection.cursor() as cursor:
        cursor.execute(_of(GROUPS, cohort), params)
        groups = {held_out: (people, hits, value) for held_out, people, hits, value in cursor.fetchall()}
        cursor.execute(_of(PACE, cohort), params)
        pace = float(cursor.fetchone()[0])
        cursor.execute(_of(COST, cohort), params)
        cost, sent, unpriced = cursor.fetchone()
        cursor.execute(_of(OPT_OUTS, cohort), params)
        opt_outs = cursor.fetchone()[0]
    treated, holdout = (groups.get(held_out, (0, 0, Decimal(0))) for held_out in (False, True))
    money = Money(cost, unpriced, treated[2], holdout[2])
    one, other = lift.Group(treated[0], treated[1]), lift.Group(holdout[0], holdout[1])
    found = lift.compare(one, other)
    return Report(
        cohort=cohort,
        waterfall=waterfall.of(campaign, cohort),
        treated=one,
        holdout=other,
        lift=found,
        days=lift.days(found.more, pace) if cohort.grows else None,
        money=money,
        extra_value=_extra_value(one, other, money),
        opt_outs=opt_outs,
        sent=sent,
        steps=steps(campaign, cohort),
    )


def _of(sql: str, cohort: Cohort) -> str:
    """The SQL, narrowed."""
    return sql.format(runs=cohort.inside("e") or "TRUE", of_run=cohort.of_run("m.run_id"))


def means(cohort: Cohort, now: datetime) -> str:
    """What the choice of a period and a version does to the numbers, in words."""
    since, _until = cohort.seen_between
    reaches_back = since is None or since < now - audience.KEPT
    said = [definitions.COHORT, definitions.FOLDED] if reaches_back else [definitions.COHORT]
    return " ".join(map(str, said))


def _extra_value(treated: lift.Group, holdout: lift.Group, money: Money) -> Decimal:
    if not treated.n or not holdout.n:
        return Decimal(0)
    return money.treated_value - money.holdout_value / holdout.n * treated.n


def steps(campaign: Campaign, cohort: Cohort = EVERYBODY) -> list[StepLine]:
    """The steps from top to bottom: those of the cohort's version, or those of the newest one in numbers of all
    versions. Three queries at most."""
    counts = figures.counts(campaign, figures.Span(cohort=cohort))
    reasons: dict[str, list[tuple[str, int]]] = {}
    costs: dict[str, Decimal] = {}
    with connection.cursor() as cursor:
        cursor.execute(_of(STEPS, cohort), figures.parameters(campaign, figures.Span(cohort=cohort)))
        for step, reason, count, cost in cursor.fetchall():
            if reason:
                reasons.setdefault(step, []).append((reason, count))
            else:
                costs[step] = cost
    lines = []
    for _path, step in commands.walk(_document(campaign, cohort)):
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


def _document(campaign: Campaign, cohort: Cohort) -> dict[str, Any]:
    if cohort.version is not None:
        found: dict[str, Any] = Version.objects.values_list("document", flat=True).get(pk=cohort.version)
    else:
        found = campaign.version.document if campaign.version else campaign.document
    return found


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
