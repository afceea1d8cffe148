"""Whom a report is about: the runs that entered in a period, in a version, or all there are.

A run belongs to the day on which it entered and to the version it entered in; all that came of it goes
with it, whenever it came: visits, messages, costs, the goal. Somebody who did not enter belongs to each
day on which they were refused, and to the version that was the published one then. So a person can be
in two periods, once in each. Refusals older than `audience.KEPT` are numbers without a day: they are in
nothing that is narrowed.

A row whose run is gone belongs to every cohort: it is what `waterfall` calls a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign, Version
from crm import moments, publicids, workspace
from crm.errors import Problem

DAYS: Final = (7, 30, 90)
ALL: Final = "all"
DATES: Final = "dates"
PERIODS: Final[dict[str, Promise]] = {
    ALL: gettext_lazy("Since the first version"),
    "7": gettext_lazy("Last 7 days"),
    "30": gettext_lazy("Last 30 days"),
    "90": gettext_lazy("Last 90 days"),
    DATES: gettext_lazy("From one day to another"),
}
# Links say days, never "the last 30": they lead to the same people tomorrow. `version` is taken there.
IN_VERSION: Final = "in_version"


@dataclass(frozen=True)
class Cohort:
    """`first` to `last`: whole days of the workspace; `since`, `until` (not included): the same as instants.

    `number`: of the version, `version`: its id, `live`: from when until when it was the published one.
    """

    first: date | None = None
    last: date | None = None
    since: datetime | None = None
    until: datetime | None = None
    number: int | None = None
    version: int | None = None
    live: tuple[datetime | None, datetime | None] = (None, None)

    @property
    def is_everything(self) -> bool:
        return self.since is None and self.until is None and self.version is None

    @property
    def grows(self) -> bool:
        """Whether people still come into it: not into days with an end, nor into a version that has a successor."""
        return self.until is None and self.live[1] is None

    @property
    def query(self) -> dict[str, str]:
        """What leads to it again in a link."""
        found = {"from": self.first, "until": self.last, IN_VERSION: self.number}
        return {name: str(value) for name, value in found.items() if value is not None}

    @property
    def words(self) -> str:
        """ "1 Nov 2026 – 23 Nov 2026, version 2"; "" for everything."""
        days = [formats.date_format(day, "j N Y") if day else "" for day in (self.first, self.last)]
        parts = [" – ".join(days).strip()] if any(days) else []
        if self.number is not None:
            parts.append(_("version %(number)s") % {"number": self.number})
        return ", ".join(parts)

    def inside(self, run: str) -> str:
        """A condition on runs under an alias; "" for everything."""
        asked = {
            "entered_at >= %(entered_since)s": self.since,
            "entered_at < %(entered_until)s": self.until,
            "version_id = %(entered_version)s": self.version,
        }
        return " AND ".join(f"{run}.{words}" for words, value in asked.items() if value is not None)

    def of_run(self, column: str) -> str:
        """A condition on rows that name their run: it is not outside. TRUE for everything."""
        if self.is_everything:
            return "TRUE"
        return f"""NOT EXISTS (SELECT FROM campaigns_enrolment o WHERE o.id = {column}
            AND o.campaign_id = %(campaign)s AND NOT ({self.inside("o")}))"""

    def seen(self, column: str) -> str:
        """A condition on instants at which somebody was considered."""
        since, until = self.seen_between
        asked = {f"{column} >= %(seen_since)s": since, f"{column} < %(seen_until)s": until}
        return " AND ".join(words for words, value in asked.items() if value is not None) or "TRUE"

    @property
    def seen_between(self) -> tuple[datetime | None, datetime | None]:
        """In the period, while the version was the published one."""
        starts = [each for each in (self.since, self.live[0]) if each]
        ends = [each for each in (self.until, self.live[1]) if each]
        return max(starts, default=None), min(ends, default=None)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the conditions are filled with."""
        since, until = self.seen_between
        return {
            "entered_since": self.since, "entered_until": self.until, "entered_version": self.version,
            "seen_since": since, "seen_until": until,
        }  # fmt: skip


EVERYBODY: Final = Cohort()


def asked(campaign: Campaign, given: Mapping[str, Any], now: datetime) -> Cohort:
    """What `?period=30` or `?from=2026-11-01&until=2026-11-23`, and `?version=2`, ask for. Raises Problem."""
    period = str(given.get("period") or (DATES if given.get("from") or given.get("until") else ALL))
    if period not in PERIODS:
        raise Problem("/period", "invalid_choice", f"{period[:40]!r} is none of: {', '.join(PERIODS)}.")
    first = last = None
    if period == DATES:
        first, last = _days(given)
    elif period != ALL:
        last = moments.local_day(now, workspace.current().zone)
        first = last - timedelta(days=int(period) - 1)
    return _cohort(campaign, first, last, str(given.get("version") or ""))


def linked(campaign: Campaign, given: Mapping[str, Any]) -> Cohort:
    """What a link says that was made from `Cohort.query`. Raises Problem."""
    return _cohort(campaign, *_days(given), str(given.get(IN_VERSION) or ""))


def _days(given: Mapping[str, Any]) -> tuple[date | None, date | None]:
    first, last = _day(given, "from"), _day(given, "until")
    if first and last and last < first:
        raise Problem("/until", "before_from", _("The last day is before the first."))
    return first, last


def _day(given: Mapping[str, Any], name: str) -> date | None:
    said = str(given.get(name) or "")
    if not said:
        return None
    try:
        found = date.fromisoformat(said)
    except ValueError:
        found = date.min
    if not moments.OLDEST.year <= found.year < 3000:
        raise Problem(f"/{name}", "date", _("This is no day; write it as 2026-03-28."))
    return found


def _cohort(campaign: Campaign, first: date | None, last: date | None, number: str) -> Cohort:
    zone = workspace.current().zone
    since = moments.at_local(first, moments.MIDNIGHT, zone) if first else None
    until = moments.at_local(last + timedelta(days=1), moments.MIDNIGHT, zone) if last else None
    if not number:
        return Cohort(first, last, since, until)
    known = list(
        Version.objects.filter(campaign=campaign, number__gte=publicids.number(number) or 0)
        .order_by("number")
        .values_list("pk", "number", "published_at")[:2]
    )
    if not known or str(known[0][1]) != number.lstrip("0"):
        raise Problem("/version", "unknown", _("The campaign has no version with this number."))
    live = (known[0][2], known[1][2] if len(known) > 1 else None)
    return Cohort(first, last, since, until, known[0][1], known[0][0], live)
