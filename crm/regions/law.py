"""What the packs say about one kind of message in one place, and whether this one may go. Pure.

`law()` picks the rules; `refused()` finds the first one a message does not keep; `opening()` finds the
first moment that all windows allow. An unknown country is judged by everything that is enabled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from crm import moments
from crm.regions import holidays
from crm.regions.packs import Lapse, Pack, Rule, Span, packs

# Windows of several zones and weekdays meet within this many steps, or never.
MOST_STEPS: Final = 64
HOUSE_LAPSE: Final = Lapse(purchase=36)


class Switches(NamedTuple):
    """What a workspace has chosen. `off`: packs it does without; `unknown`: the country that people of no
    known country are judged by ('': by the strictest)."""

    off: frozenset[str] = frozenset()
    unknown: str = ""


@dataclass(frozen=True)
class Ground:
    """What a message stands on. `confirmed`: the yes was proved at the address (double opt-in).
    `inbound_at`: when they last wrote to us on this channel; `template`: an approved one is used."""

    basis: str = ""
    method: str = ""
    confirmed: bool = False
    expires_at: datetime | None = None
    inbound_at: datetime | None = None
    template: bool = False
    complaint_rate: float | None = None
    domain: str = ""


@dataclass(frozen=True)
class Law:
    """The rules that hold for one kind of message in one place on one day."""

    blocking: tuple[Rule, ...]
    windows: tuple[Rule, ...]
    advice: tuple[Rule, ...]
    defaults: tuple[Rule, ...]

    @property
    def content(self) -> tuple[str, ...]:
        """What a message must carry."""
        return tuple(dict.fromkeys(word for rule in (*self.blocking, *self.advice) for word in rule.content))


@lru_cache(maxsize=4096)
def law(
    country: str, region: str, channel: str, message_class: str, purpose: str, day: date, switches: Switches
) -> Law:
    """The rules for a message of this kind, those of the narrowest pack first. `country` '': unknown."""
    found = [
        rule
        for pack in governing(country, switches)
        for rule in pack.rules
        if rule.in_force(day) and _concerns(rule, country, region, channel, message_class, purpose, switches)
    ]
    return Law(
        blocking=tuple(each for each in found if each.severity == "block"),
        windows=tuple(each for each in found if each.severity == "block" and each.window),
        advice=tuple(each for each in found if each.severity == "advice"),
        defaults=tuple(each for each in found if each.severity == "default"),
    )


def governing(country: str, switches: Switches) -> list[Pack]:
    """The enabled packs that a contact of this country falls under: its own, and those for everywhere."""
    narrow = sorted(packs().values(), key=lambda pack: (pack.is_everywhere, len(pack.countries), pack.id))
    enabled = [pack for pack in narrow if pack.id not in switches.off]
    country = judged_as(country, switches)
    if not country:
        return enabled
    return [pack for pack in enabled if pack.is_everywhere or pack.names(country)]


def judged_as(country: str, switches: Switches) -> str:
    """The country whose rules hold; '' is the strictest of all. One that no enabled pack names is unknown."""
    for each in (country, switches.unknown):
        if each and any(pack.names(each) for pack in packs().values() if pack.id not in switches.off):
            return each
    return ""


def _concerns(
    rule: Rule, country: str, region: str, channel: str, message_class: str, purpose: str, switches: Switches
) -> bool:
    if channel not in rule.channels or message_class not in rule.classes:
        return False
    if rule.purposes and purpose not in rule.purposes:
        return False
    country = judged_as(country, switches)
    if country and country not in rule.countries and "*" not in rule.countries:
        return False
    # Somebody of an unknown state of a country with rules by state is under all of them.
    return not rule.regions or not country or not region or region in rule.regions


def lapse(country: str, day: date, switches: Switches) -> Lapse:
    """How long a purchase or an inquiry carries a permission there: the shortest that any rule says."""
    found = [
        rule.lapse
        for pack in governing(country, switches)
        for rule in pack.rules
        if rule.lapse and rule.in_force(day)
    ]  # fmt: skip
    if not found:
        return HOUSE_LAPSE
    return Lapse(min(each.purchase for each in found), min(each.inquiry for each in found))


# --- may it go ---------------------------------------------------------------------------------------


def refused(known: Law, ground: Ground, at: datetime) -> Rule | None:
    """The first rule that forbids it, None if none does."""
    return next((rule for rule in known.blocking if not keeps(rule, ground, at)), None)


def keeps(rule: Rule, ground: Ground, at: datetime) -> bool:
    return all(_KEPT[name](value, ground, at) for name, value in rule.requires)


def _unexpired(bases: Sequence[str], ground: Ground, at: datetime) -> bool:
    """A permission on one of these grounds must have an end, and it must not have come."""
    return ground.basis not in bases or (ground.expires_at is not None and ground.expires_at > at)


def _session(hours: int, ground: Ground, at: datetime) -> bool:
    return ground.template or (ground.inbound_at is not None and at - ground.inbound_at <= timedelta(hours=hours))


def _few_complaints(most: float, ground: Ground, at: datetime) -> bool:
    del at
    return ground.complaint_rate is None or ground.complaint_rate < most


_KEPT: Final[Mapping[str, Callable[[Any, Ground, datetime], bool]]] = {
    "basis": lambda bases, ground, at: ground.basis in bases,
    "methods": lambda methods, ground, at: ground.basis != "consent" or ground.method in methods,
    "confirmed": lambda wanted, ground, at: ground.confirmed or not wanted,
    "unexpired": _unexpired,
    "session_hours": _session,
    "complaints_below": _few_complaints,
    "domain": lambda wanted, ground, at: ground.domain in ("", wanted),
}


# --- when it may go ----------------------------------------------------------------------------------


class Never(Exception):
    """The windows have no moment in common."""


def opening(rules: Iterable[Rule], zones: Sequence[str], now: datetime) -> tuple[datetime, Rule | None]:
    """The first moment from `now` on that lies in the window of every rule in every zone, and the rule that
    put it off last. Raises Never."""
    asked = [(rule, zone) for rule in rules for zone in zones]
    at, late = now, None
    for _ in range(MOST_STEPS):
        pushed = next(((opens, rule) for rule, zone in asked if (opens := _opens(rule, zone, at)) > at), None)
        if pushed is None:
            return at, late
        at, late = pushed
    raise Never


def _opens(rule: Rule, zone: str, at: datetime) -> datetime:
    """Window by window until one is on no public holiday; no window reaches over midnight."""
    for _ in range(MOST_STEPS):
        opens = min(moments.allowed_from(at, zone, span.opens, span.closes, span.days) for span in rule.window)
        day = moments.local_day(opens, zone)
        if not holidays.falls_on(day, rule.closed_on):
            return opens
        at = moments.at_local(day + timedelta(days=1), moments.MIDNIGHT, zone)
    raise Never


# --- to show -----------------------------------------------------------------------------------------

QUARTER: Final = 15
DAY: Final = 24 * 60


def open_quarters(spans: Sequence[Span]) -> frozenset[tuple[int, int]]:
    """The quarters of an hour of a week (weekday, minute of the day) that these windows leave open."""
    return frozenset(
        (day, minute)
        for day in range(1, 8)
        for minute in range(0, DAY, QUARTER)
        for span in spans
        if (not span.days or day in span.days) and _minute(span.opens) <= minute < _minute(span.closes)
    )


def loud_quarters(quiet_from: time, quiet_until: time) -> frozenset[tuple[int, int]]:
    """Those that quiet hours leave open; the same time twice: all."""
    begins, ends = _minute(quiet_from), _minute(quiet_until)
    return frozenset(
        (day, minute)
        for day in range(1, 8)
        for minute in range(0, DAY, QUARTER)
        if not (begins <= minute < ends if begins <= ends else minute >= begins or minute < ends)
    )


def compared(own: frozenset[tuple[int, int]], pack: frozenset[tuple[int, int]]) -> str:
    """Whether hours of one's own are the "same" as a pack's, "stricter", or "looser" at some time."""
    return "same" if own == pack else "stricter" if own < pack else "looser"


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
