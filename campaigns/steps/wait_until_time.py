"""Wait until a time of day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Self

from campaigns.reading import Reader
from campaigns.steps.base import Decision, Go, Lane, Look, Stay, Step, step
from campaigns.types import Wait
from crm import moments

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAY = (time(0), time(0))


@step
@dataclass(frozen=True)
class WaitUntilTime(Step):
    """`at` a wall time, or any moment of `window`, on `weekdays` (ISO: 1 is Monday; none: every day)."""

    at: time | None
    window: tuple[time, time] | None
    weekdays: tuple[int, ...]
    zone: str

    kind = "wait.until_time"
    is_wait = True

    @classmethod
    def parse(cls, config: Reader, lanes: Sequence[Lane]) -> Self:
        at = config.clock("at") if config.has("at") else None
        window = _window(config) if config.has("window") else None
        if config.has("at") and config.has("window"):
            config.refuse("window", "two_times", "give at or window, not both.")
        weekdays = _weekdays(config)
        if not (config.has("at") or config.has("window") or config.has("weekdays")):
            config.refuse("", "required", "say until when: at, window or weekdays.")
        zone = config.choice("zone", ("contact", "workspace"), default="contact")
        return cls(at, window or (None if at else ALL_DAY), weekdays, zone)

    def decide(self, look: Look) -> Decision:
        zone = look.zone(self.zone)
        until = moments.next_local(look.now, zone, self.at, self.weekdays, self.window)
        detail = {"until": until.isoformat(), "zone": zone}
        if until <= look.now:
            return Go("next", "elapsed", detail)
        return Stay(Wait(look.step, until, "next"), "until", detail)

    def left_by(self, port: str) -> str:
        return "elapsed"


def _window(config: Reader) -> tuple[time, time] | None:
    inner = Reader(config.raw("window"), config.at("window"), config.notes, config.subject)
    opens, closes = inner.clock("from"), inner.clock("to")
    inner.close()
    if opens is None or closes is None:
        return None
    if opens == closes:
        inner.refuse("to", "empty_window", "the window is empty; let to differ from from.")
        return None
    return opens, closes


def _weekdays(config: Reader) -> tuple[int, ...]:
    if not config.has("weekdays"):
        return ()
    days = config.raw("weekdays")
    good = isinstance(days, list) and days and all(isinstance(day, str) and day in WEEKDAYS for day in days)
    if not good or len(set(days)) != len(days):
        config.refuse("weekdays", "not_weekdays", f"weekdays must be a list of some of {', '.join(WEEKDAYS)}.")
        return ()
    return tuple(sorted(WEEKDAYS.index(day) + 1 for day in days))
