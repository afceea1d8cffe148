"""How long each class of data is kept, what has had its time, and who takes it away.

A class is a rule with a count and a broom, both about what is older than an instant. Each floor names its own
(`registry.retention`). Once a day a round sweeps every class that is not kept for ever, in batches, and writes down
what it took (`RetentionRun`); a dry run counts, and takes nothing. Some classes are swept by rounds of their own,
minutes after their time: here they are shown, counted and can be swept at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError
from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm import audit, clock, moments, patience, registry, workspace
from crm.errors import Problem
from crm.models import RetentionRun

log = logging.getLogger(__name__)

ROUND: Final = "crm.retention"
BATCH: Final = 2_000
SECONDS: Final = 10.0
# A count that somebody waits for stops here, and says "or more".
MOST: Final = 100_000
UNDER_WAY: Final = "under_way"
FAILED: Final = "failed"
SYSTEM: Final = "system"


@dataclass(frozen=True)
class Kept:
    """A class of data. `days` 0: kept until somebody says otherwise. `least` = `most`: nobody may say otherwise.

    `count(before, limit)`: how many have had their time, up to `limit`. `clean(before, limit)`: take at most so many,
    answers how many. `elsewhere`: a round of its own takes them; without `clean` nobody does.
    """

    words: str | Promise
    why: str | Promise
    days: int
    least: int
    most: int
    count: Callable[[datetime, int], int] | None = None
    clean: Callable[[datetime, int], int] | None = None
    elsewhere: bool = False
    advice: int = 0
    # It takes people, for good: the page asks once more.
    people: bool = False

    @property
    def fixed(self) -> bool:
        return self.least == self.most


@dataclass(frozen=True)
class Line:
    """A class as the page shows it."""

    key: str
    rule: Kept
    days: int
    last: RetentionRun | None
    dry: RetentionRun | None

    @property
    def sweeps(self) -> bool:
        """May somebody look and sweep now? A template must never touch the broom itself: it would call it."""
        return self.rule.clean is not None and self.days > 0

    @property
    def looked(self) -> RetentionRun | None:
        """The last dry run, as long as nothing was swept since."""
        return self.dry if self.dry and (self.last is None or self.dry.pk > self.last.pk) else None


def days(key: str, space: Mapping[str, Any] | None = None) -> int:
    """For how many days this class is kept here; 0: for ever."""
    rule = _rule(key)
    chosen = (workspace.current().retention if space is None else space).get(key)
    return rule.days if rule.fixed or not isinstance(chosen, int) else chosen


def lines() -> list[Line]:
    """Every class with its last sweep and its last dry run. Two queries."""
    found: dict[tuple[str, bool], RetentionRun] = {}
    for run in RetentionRun.objects.order_by("key", "dry", "-pk").distinct("key", "dry"):
        found[run.key, run.dry] = run
    return [
        Line(key, rule, days(key), found.get((key, False)), found.get((key, True)))
        for key, rule in registry.retention.items()
    ]


def choose(key: str, wanted: int, *, actor: str) -> None:
    """Keep this class so many days from now on; 0: for ever. Raises Problem."""
    rule = _rule(key)
    if rule.fixed:
        raise Problem("/days", "fixed", _("How long this is kept is a promise of the product, and cannot be changed."))
    if wanted and not rule.least <= wanted <= rule.most:
        limits = {"least": rule.least, "most": rule.most}
        raise Problem("/days", "range", _("Between %(least)s and %(most)s days, or 0 to keep it for ever.") % limits)
    workspace.change({"retention": {**workspace.current().retention, key: wanted}}, actor)
    # A sweep that was begun with other days ends here; the next one goes by the new ones.
    RetentionRun.objects.filter(key=key, dry=False, trouble=UNDER_WAY).update(trouble="")


def look(key: str, *, actor: str, now: datetime, milliseconds: int = 0) -> RetentionRun:
    """How many would go now; nothing does. `milliseconds`: so long somebody waits (0: to the end). Raises Problem."""
    rule, kept, count = _rule(key), days(key), 0
    try:
        if rule.count and kept:
            with patience.within(milliseconds):
                count = rule.count(now - timedelta(days=kept), MOST)
    except patience.TooSlow:
        raise Problem(
            "",
            "too_slow",
            _("Counting takes too long to wait for it: manage.py retention --dry-run counts to the end."),
        ) from None
    return RetentionRun.objects.create(key=key, dry=True, days=kept, at=now, actor=actor[:120], removed=count)


def sweep(key: str, *, actor: str, now: datetime, seconds: float = SECONDS) -> RetentionRun:
    """Take what has had its time, until nothing is left or the time is over; the next call goes on."""
    workspace.forget()  # "for ever", said a moment ago elsewhere, holds at once
    rule, kept = _rule(key), days(key)
    run = RetentionRun.objects.filter(key=key, dry=False, trouble=UNDER_WAY).order_by("-pk").first()
    run = run or RetentionRun.objects.create(
        key=key, days=kept, at=now, actor=actor[:120], trouble=UNDER_WAY if rule.clean and kept else ""
    )
    if not run.trouble:
        return run
    until, taken = time.monotonic() + seconds, BATCH
    try:
        # A broom may take less than it was asked to: only an empty one says that nothing is left.
        while rule.clean and kept and taken and time.monotonic() < until:
            taken = rule.clean(now - timedelta(days=kept), BATCH)
            # Added to, not set: somebody may be sweeping the same class at this moment.
            RetentionRun.objects.filter(pk=run.pk).update(removed=F("removed") + taken)
        trouble = UNDER_WAY if taken and kept else ""
    except DatabaseError:
        log.exception("retention failed", extra={"event": "retention_failed", "class": key})
        trouble = FAILED
    RetentionRun.objects.filter(pk=run.pk).update(trouble=trouble)
    run.refresh_from_db()
    if run.removed and not run.trouble:
        audit.record(actor, "retention.sweep", f"retention:{key}", None, {"days": kept, "removed": run.removed})
    return run


def work() -> int:
    """Sweep what has not been swept today. Answers how many rows went."""
    now = clock.now()
    return sum(sweep(key, actor=SYSTEM, now=now).removed for key in _today(now))


def pending() -> int:
    """Only what was begun: a new day asks for nothing that could not wait for its hour."""
    return RetentionRun.objects.filter(dry=False, trouble=UNDER_WAY).count()


def _today(now: datetime) -> list[str]:
    """Classes that are swept by this round, and not yet on this day of the workspace."""
    zone = workspace.current().zone
    today = moments.local_day(now, zone)
    swept = {
        run.key
        for run in RetentionRun.objects.filter(dry=False, at__gt=now - timedelta(days=2)).exclude(trouble=UNDER_WAY)
        if moments.local_day(run.at, zone) == today
    }
    return [
        key
        for key, rule in registry.retention.items()
        if rule.clean and not rule.elsewhere and days(key) and key not in swept
    ]


def _rule(key: str) -> Kept:
    rule: Kept | None = registry.retention.get(key)
    if rule is None:
        raise Problem("", "no_such_class", _("There is no such class of data."))
    return rule
