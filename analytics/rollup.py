"""Daily figures, counted from their rows: the one writer of Figure and Reading.

Set-based and idempotent: a day is counted whole, from its rows, however often. A round takes a metric when
its days are stale or a new day has begun, and no oftener than that counting costs a fiftieth of the time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max

from analytics import metrics, stages, staleness
from analytics.metrics import YEAR, Metric, Span
from analytics.models import Reading
from crm import clock, moments, workspace
from crm.segments.sql import Sql, join

STAGES: Final = "stages"
SHARE_OF_TIME: Final = 50
# A level is read again after so long at the soonest; nothing says when it has changed.
LEVEL_SECONDS: Final = 60
KEPT_DAYS: Final = 400
GAP: Final = timedelta(days=7)
# Conversions that are looked at once more: a transaction may commit later than its numbers were drawn.
OVERLAP: Final = 20_000
BEGINNING: Final = date(1990, 1, 1)

COUNTED: Final = """SELECT {}::text AS metric, (r.at AT TIME ZONE {})::date AS day, r.store_id, sum(r.num) AS numerator,
  sum(r.den) AS denominator FROM ({}) AS r GROUP BY 2, 3"""
WRITE: Final = """
WITH counted AS MATERIALIZED (SELECT * FROM ({}) AS c WHERE {}), gone AS (
  DELETE FROM analytics_figure f WHERE {} AND NOT EXISTS (
    SELECT FROM counted c WHERE c.metric = f.metric AND c.day = f.day AND c.store_id IS NOT DISTINCT FROM f.store_id)
  RETURNING 1
), put AS (
  INSERT INTO analytics_figure (metric, day, store_id, numerator, denominator)
  SELECT metric, day, store_id, numerator, denominator FROM counted ORDER BY metric, day, store_id
  ON CONFLICT ON CONSTRAINT figure_once DO UPDATE
    SET numerator = excluded.numerator, denominator = excluded.denominator
    WHERE (analytics_figure.numerator, analytics_figure.denominator) <> (excluded.numerator, excluded.denominator)
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put)"""

# An order makes its customer a buyer until the next one, or for a year; and one who bought again for as
# long as the one before it is not a year old. Both are spans of days that begin and end once.
BOUGHT: Final = f"""
SELECT d.day::date AS day, sum(sum(d.buyer)) OVER w AS buyers, sum(sum(d.again)) OVER w AS again
FROM (
  SELECT o.day, least(o.day + {YEAR}, o.next) AS until, least(o.before + {YEAR}, o.next) AS until_again,
         o.before IS NOT NULL AND o.before + {YEAR} > o.day AS is_again
  FROM (
    SELECT (occurred_at AT TIME ZONE {{}})::date AS day,
           lag((occurred_at AT TIME ZONE {{}})::date) OVER each AS before,
           lead((occurred_at AT TIME ZONE {{}})::date) OVER each AS next
    FROM crm_order o WHERE {metrics.KEPT} WINDOW each AS (PARTITION BY contact_id ORDER BY occurred_at, id)) AS o
) AS spans CROSS JOIN LATERAL (VALUES
  (spans.day, 1, CASE WHEN spans.is_again THEN 1 ELSE 0 END), (spans.until, -1, 0),
  (CASE WHEN spans.is_again THEN greatest(spans.until_again, spans.day) END, 0, -1)) AS d(day, buyer, again)
WHERE d.day IS NOT NULL GROUP BY d.day WINDOW w AS (ORDER BY d.day)"""  # noqa: S608 - our own words
REPEATED: Final = """SELECT 'repeat_rate'::text AS metric, days.day::date AS day, NULL::bigint AS store_id,
  b.again::numeric AS numerator, b.buyers::numeric AS denominator
FROM generate_series({}::date, {}::date, interval '1 day') AS days(day)
CROSS JOIN LATERAL (SELECT buyers, again FROM bought WHERE bought.day <= days.day ORDER BY bought.day DESC LIMIT 1) AS b
WHERE b.buyers > 0"""

# climbed, standing, climbed, today, names, today, climbed
PEOPLE: Final = """WITH people AS MATERIALIZED (
  SELECT p.stage, greatest(coalesce(array_position({}::text[], p.stage), 1), coalesce(m.best, 1)) AS best
  FROM ({}) AS p LEFT JOIN (
    SELECT contact_id, max(array_position({}::text[], after::text)) AS best
    FROM analytics_stagechange GROUP BY contact_id) AS m ON m.contact_id = p.id)
SELECT 'stage.' || s.name AS metric, {}::date AS day, NULL::bigint AS store_id,
       (SELECT count(*) FROM people WHERE stage = s.name)::numeric AS numerator, 0::numeric AS denominator
FROM unnest({}::text[]) AS s(name)
UNION ALL
SELECT 'reached.' || s.name, {}::date, NULL::bigint,
       (SELECT count(*) FROM people WHERE best >= s.place)::numeric, 0::numeric
FROM unnest({}::text[]) WITH ORDINALITY AS s(name, place)"""
LEVEL: Final = """SELECT {}::text AS metric, {}::date AS day, NULL::bigint AS store_id,
  coalesce(sum(r.num), 0) AS numerator, coalesce(sum(r.den), 0) AS denominator FROM ({}) AS r"""


@dataclass(frozen=True)
class Now:
    """The moment of a round, as the workspace lives it."""

    at: datetime
    today: date
    zone: str
    currency: str

    def span(self, first: date, last: date) -> Span:
        return Span(first, last, self.zone, self.currency)


def moment(now: datetime) -> Now:
    place = workspace.current()
    return Now(now, moments.local_day(now, place.zone), place.zone, place.currency)


def work() -> int:
    """One round: every metric whose time has come. Answers how many figures changed."""
    now = moment(clock.now())
    return sum(_count(name, now) for name in _due(now))


def pending() -> int:
    """How many metrics would be counted now."""
    return len(_due(moment(clock.now())))


def bring_up(now: datetime) -> int:
    """Count everything that is stale, whatever it costs."""
    return sum(_count(name, moment(now)) for name in _names())


def as_of() -> datetime | None:
    """When figures were last counted, in business time; None: never yet."""
    at: datetime | None = Reading.objects.aggregate(at=Max("at"))["at"]
    return at + clock.offset() if at else None


def start_over() -> None:
    """Forget all figures: the next round counts them from their rows, of all days."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_reading")
        cursor.execute("DELETE FROM analytics_figure")


def recount(metric: Metric, span: Span) -> dict[tuple[date, int | None], tuple[Any, Any]]:
    """What the figures of a flow ought to be, from its rows: (day, store) -> above and below the line."""
    counted = join(COUNTED, metric.name, span.zone, metric.rows(span))
    with connection.cursor() as cursor:
        cursor.execute(counted.text, counted.params)
        return {(day, store): (above, below) for _, day, store, above, below in cursor.fetchall()}


def _names() -> list[str]:
    return [*metrics.SHIPPED, STAGES]


def _due(now: Now) -> list[str]:
    waiting, readings = staleness.waiting(), Reading.objects.in_bulk()
    return [name for name in _names() if _is_due(name, now, waiting, readings.get(name))]


def _is_due(name: str, now: Now, waiting: Mapping[str, Collection[date]], reading: Reading | None) -> bool:
    if reading is None or (reading.zone, reading.currency) != (now.zone, now.currency):
        return True
    passed = (clock.real() - reading.at).total_seconds()
    metric = metrics.SHIPPED.get(name)
    if metric is None or name == "reachable":
        return now.today != reading.day or passed >= max(LEVEL_SECONDS, SHARE_OF_TIME * reading.took)
    stale = name in waiting or (metric.kind == "level" and now.today != reading.day) or _news(reading)
    return bool(stale) and passed >= SHARE_OF_TIME * reading.took


def _news(reading: Reading) -> bool:
    return reading.metric == "campaign_revenue" and _last_conversion() > reading.seen


def _count(name: str, now: Now) -> int:
    """One metric, in a transaction of its own; two rounds at once wait for one another."""
    began = time.monotonic()
    with transaction.atomic():
        reading, is_new = Reading.objects.select_for_update().get_or_create(
            metric=name, defaults={"zone": now.zone, "currency": now.currency, "day": now.today, "at": clock.real()}
        )
        whole = is_new or (reading.zone, reading.currency) != (now.zone, now.currency)
        seen = _last_conversion() if name == "campaign_revenue" else 0
        stale = staleness.take(name)
        if name == "campaign_revenue":
            stale |= _converted(reading.seen, now)
        if name == STAGES:
            moved = _read_stages(now)
        elif metrics.SHIPPED[name].kind == "level":
            moved = _read_level(metrics.SHIPPED[name], now, None if whole else {*stale, reading.day})
        else:
            moved = _count_days(metrics.SHIPPED[name], now, None if whole else stale)
        Reading.objects.filter(metric=name).update(
            zone=now.zone, currency=now.currency, day=now.today, at=clock.real(),
            took=time.monotonic() - began, seen=seen,
        )  # fmt: skip
    return moved


def _last_conversion() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM campaigns_conversion")
        return int(cursor.fetchone()[0])


def _converted(seen: int, now: Now) -> set[date]:
    """Days of conversions that came since: a run may find its goal later than the fact was told."""
    if _last_conversion() <= seen:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (at AT TIME ZONE %s)::date FROM campaigns_conversion WHERE id > %s",
            [now.zone, seen - OVERLAP],
        )
        return {day for (day,) in cursor.fetchall()}


def _count_days(metric: Metric, now: Now, days: Collection[date] | None) -> int:
    """A flow: these days, or (None) all there ever were."""
    if days is None:
        counted = join(COUNTED, metric.name, now.zone, metric.rows(now.span(BEGINNING, now.today + timedelta(days=1))))
        return _write(counted, Sql("true"), join("f.metric = {}", metric.name))
    moved = 0
    for first, last in _together(days):
        within = [day for day in days if first <= day <= last]
        counted = join(COUNTED, metric.name, now.zone, metric.rows(now.span(first, last)))
        mine = join("f.metric = {} AND f.day = ANY({})", metric.name, within)
        moved += _write(counted, join("c.day = ANY({})", within), mine)
    return moved


def _together(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days that lie near one another as one stretch, so that an import of years is a few statements."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] <= GAP:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _read_level(metric: Metric, now: Now, days: Collection[date] | None) -> int:
    if metric.name == "repeat_rate":
        oldest = now.today - timedelta(days=KEPT_DAYS)
        first = max(min([*(days or [oldest]), now.today]), oldest)
        bought = join(BOUGHT, now.zone, now.zone, now.zone)
        counted = join("WITH bought AS MATERIALIZED ({}) {}", bought, join(REPEATED, first, now.today))
    else:
        first = now.today
        counted = join(LEVEL, metric.name, now.today, metric.rows(now.span(now.today, now.today)))
    return _write(counted, Sql("true"), join("f.metric = {} AND f.day >= {}", metric.name, first))


def _read_stages(now: Now) -> int:
    """How many are in each stage, and how many have come at least as far, in one reading."""
    ladder, climbed = stages.ladder(), metrics.climbed()
    counted = join(
        PEOPLE, climbed, metrics.standing(), climbed, now.today, list(ladder.names), now.today, climbed
    )  # fmt: skip
    mine = join("(f.metric LIKE 'stage.%%' OR f.metric LIKE 'reached.%%') AND f.day = {}", now.today)
    return _write(counted, Sql("true"), mine)


def _write(counted: Sql, which: Sql, mine: Sql) -> int:
    """Put what was counted in the place of what stands there; answers how many rows changed."""
    whole = join(WRITE, counted, which, mine)
    with connection.cursor() as cursor:
        cursor.execute(whole.text, whole.params)
        return int(cursor.fetchone()[0])


def differing() -> list[tuple[Any, ...]]:
    """Closed days whose figure is not what its rows come to (for `verify_ledger`); none while facts wait."""
    now = moment(clock.now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM crm_reaction)")
        if cursor.fetchone()[0]:
            return []
    waiting = staleness.waiting()
    found: list[tuple[Any, ...]] = []
    for reading in Reading.objects.filter(metric__in=metrics.SHIPPED, zone=now.zone, currency=now.currency):
        metric = metrics.SHIPPED[reading.metric]
        if metric.kind == "flow" and not _news(reading):
            last = min(reading.day, now.today) - timedelta(days=1)
            found += _differing(metric, now.span(BEGINNING, last), waiting.get(metric.name, set()))
    return found


def _differing(metric: Metric, span: Span, stale: Collection[date]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day, store_id, numerator, denominator FROM analytics_figure WHERE metric = %s AND day <= %s",
            [metric.name, span.last],
        )
        kept = {(day, store): (above, below) for day, store, above, below in cursor.fetchall()}
    ought = recount(metric, span)
    return [
        (f"{metric.name} {key[0]}", key[1], kept.get(key), ought.get(key))
        for key in sorted({*kept, *ought}, key=str)
        if kept.get(key) != ought.get(key) and key[0] not in stale
    ]
