"""What the tiles of Home say: a figure, how it went, and where it stands against its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from babel.numbers import format_currency
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics import kpis, metrics
from analytics.metrics import Metric
from analytics.models import Kpi, Period
from crm import display, workspace

Days = Mapping[date, tuple[Decimal, Decimal]]
NONE: Final[Days] = {}
WHOLE: Final = 1_000
SO_FAR: Final[dict[str, Promise]] = {
    Period.DAY: gettext_lazy("today"),
    Period.WEEK: gettext_lazy("this week"),
    Period.MONTH: gettext_lazy("this month"),
    Period.QUARTER: gettext_lazy("this quarter"),
    Period.YEAR: gettext_lazy("this year"),
    Period.ROLLING: gettext_lazy("in the last 30 days"),
}


@dataclass(frozen=True)
class Tile:
    """`line` is the plain sentence under the bar, `change` the comparison with the days before."""

    kpi: Kpi
    metric: Metric
    value: Decimal | None
    change: str
    trend: list[float]
    done: Decimal | None = None
    line: str = ""
    tone: str = ""
    everywhere: bool = False

    @property
    def name(self) -> str:
        return self.kpi.name or str(self.metric.words)

    @property
    def shown(self) -> str:
        return written(self.metric, self.value)

    @property
    def target(self) -> str:
        return written(self.metric, self.kpi.target)


@dataclass
class Figures:
    """Figures of some days: metric -> day -> (above, below the line)."""

    days: dict[str, dict[date, tuple[Decimal, Decimal]]] = field(default_factory=dict)

    def value(self, metric: Metric, first: date, last: date) -> Decimal | None:
        """Of a span of days; None where there is nothing to divide by or nothing was read yet."""
        known = self.days.get(metric.name, NONE)
        if metric.kind == "level":
            within = [day for day in known if first <= day <= last]
            return _of(metric, *known[max(within)]) if within else None
        taken = [pair for day, pair in known.items() if first <= day <= last]
        above, below = sum((each[0] for each in taken), Decimal(0)), sum((each[1] for each in taken), Decimal(0))
        return _of(metric, above, below)

    def trend(self, metric: Metric, first: date, last: date) -> list[float]:
        """A point a day. A level that nobody read stays as it was; a share is that of the seven days before it."""
        points: list[float] = []
        for place in range((last - first).days + 1):
            day = first + timedelta(days=place)
            since = day - timedelta(days=6) if metric.is_share and metric.kind == "flow" else day
            value = self.value(metric, since, day)
            if value is None and points and metric.kind == "level":
                value = Decimal(str(points[-1]))
            if value is not None:
                points.append(float(value))
        return points


def read(first: date, last: date, store: int | None) -> Figures:
    """Figures of all metrics in one query; of a store where the metric has stores."""
    by_store = [name for name, metric in metrics.SHIPPED.items() if metric.by_store] if store is not None else []
    found = Figures()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT metric, day, sum(numerator), sum(denominator) FROM analytics_figure
               WHERE day BETWEEN %s AND %s AND (store_id = %s OR NOT metric = ANY(%s)) GROUP BY metric, day""",
            [first, last, store, by_store],
        )
        for metric, day, above, below in cursor.fetchall():
            found.days.setdefault(metric, {})[day] = (above, below)
    return found


def oldest_day(shown: Sequence[Kpi], today: date, days: int) -> date:
    """How far back the tiles look."""
    starts = [kpis.first_day(kpi.period, today) for kpi in shown]
    return min([*starts, today - timedelta(days=2 * days + 6)])


def build(kpi: Kpi, figures: Figures, today: date, days: int, *, narrowed: bool) -> Tile:
    """`narrowed`: figures are one store's, where they can be; the target is for all of them."""
    metric = metrics.SHIPPED[kpi.metric]
    first = today - timedelta(days=days - 1)
    value = figures.value(metric, first, today)
    before = figures.value(metric, first - timedelta(days=days), first - timedelta(days=1))
    tile = Tile(kpi, metric, value, _change(metric, before, value), figures.trend(metric, first, today),
                everywhere=narrowed and not metric.by_store)  # fmt: skip
    if kpi.target is None or (narrowed and metric.by_store):
        return tile
    done = figures.value(metric, kpis.first_day(kpi.period, today), today)
    line, tone = _against(metric, kpi, done)
    return Tile(tile.kpi, metric, value, tile.change, tile.trend, done, line, tone, tile.everywhere)


def over_limit(tile: Tile) -> bool:
    return tile.metric.good == "down" and tile.tone == "bad"


def written(metric: Metric, value: Any) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if metric.unit == "money":
        return _whole(value) if abs(value) >= WHOLE else display.money(value)
    if metric.unit == "share":
        return display.share(float(value), 1 if abs(value) >= Decimal("0.1") else 2)
    return display.count(int(value))


def _whole(amount: Any) -> str:
    """`38420.17` → "€38,420": nobody steers by cents."""
    locale = display.locale()
    pattern = str(locale.currency_formats["standard"].pattern).replace(".00", "")
    currency = workspace.current().currency
    return str(format_currency(amount, currency, format=pattern, locale=locale, currency_digits=False))


def _of(metric: Metric, above: Decimal, below: Decimal) -> Decimal | None:
    if metric.is_share:
        return above / below if below else None
    return above


def _change(metric: Metric, before: Decimal | None, value: Decimal | None) -> str:
    if before is None or value is None:
        return ""
    if metric.is_share:
        points = display.count(round(100 * float(value - before), 1))
        return _("%(points)s points") % {"points": points if points.startswith("-") else f"+{points}"}
    if metric.kind == "level":
        return f"{'+' if value >= before else '−'}{display.count(abs(int(value - before)))}"
    if not before:
        return ""
    part = float((value - before) / before)
    return f"{'+' if part >= 0 else '−'}{display.share(abs(part))}"


def _against(metric: Metric, kpi: Kpi, done: Decimal | None) -> tuple[str, str]:
    """The plain line, and the tone of the bar."""
    target = kpi.target or Decimal(0)
    words = {"target": written(metric, target), "when": SO_FAR[kpi.period], "done": written(metric, done)}
    if metric.good == "down":
        if done is not None and done > target:
            return _("%(done)s %(when)s: over the limit of %(target)s") % words, "bad"
        return _("Limit %(target)s, kept %(when)s") % words, ""
    if done is not None and done >= target:
        return _("Target %(target)s, reached %(when)s") % words, "ok"
    if metric.is_share:
        return _("%(done)s of %(target)s %(when)s") % words, ""
    part = display.share(float((done or Decimal(0)) / target)) if target else "–"
    return _("%(part)s of %(target)s %(when)s") % {**words, "part": part}, ""
